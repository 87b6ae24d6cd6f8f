// dynamic_slice and dynamic_update_slice: moves whose place is read when they run. An update is a
// copy of the whole, then one of the window.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/mover.h"

namespace pydl::PYDL_ISA {
namespace {

struct WindowParams {
  Window window;
  Mover mover;
  int64_t units, units_per_piece;
  int64_t bytes, bytes_per_piece;  // of the copy of the whole
};

template <class T>
void run_slice(const Call& call, int64_t piece) {
  const WindowParams& p = *static_cast<const WindowParams*>(call.params);
  const T* x = static_cast<const T*>(call.in[0]);
  x += window_offset(p.window, static_cast<const int64_t*>(call.in[1]));
  const int64_t first = piece * p.units_per_piece, end = first + p.units_per_piece;
  for (int64_t unit = first; unit < end && unit < p.units; ++unit) {
    move_unit(p.mover, unit, x, static_cast<T*>(call.out[0]));
  }
}

template <class T>
void run_update(const Call& call, int64_t piece) {
  const WindowParams& p = *static_cast<const WindowParams*>(call.params);
  T* out = static_cast<T*>(call.out[0]);
  out += window_offset(p.window, static_cast<const int64_t*>(call.in[2]));
  const int64_t first = piece * p.units_per_piece, end = first + p.units_per_piece;
  for (int64_t unit = first; unit < end && unit < p.units; ++unit) {
    move_unit(p.mover, unit, static_cast<const T*>(call.in[1]), out);
  }
}

void run_copy(const Call& call, int64_t piece) {
  const WindowParams& p = *static_cast<const WindowParams*>(call.params);
  const int64_t begin = piece * p.bytes_per_piece, rest = p.bytes - begin;
  const int64_t n = rest < p.bytes_per_piece ? rest : p.bytes_per_piece;
  __builtin_memcpy(static_cast<unsigned char*>(call.out[0]) + begin,
                   static_cast<const unsigned char*>(call.in[0]) + begin, static_cast<size_t>(n));
}

template <class T>
PieceFn choose(bool update) {
  return update ? run_update<T> : run_slice<T>;
}

PieceFn choose(int element_size, bool update) {
  switch (element_size) {
    case 1: return choose<uint8_t>(update);
    case 2: return choose<uint16_t>(update);
    case 4: return choose<uint32_t>(update);
    default: return choose<uint64_t>(update);
  }
}

const char* bind_window(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  WindowParams* p = alloc_params<WindowParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const bool update = op.op == Opcode::dynamic_update_slice;
  const int size = dtype_size(op.out[0].dtype);
  p->window = make_window(op);
  if (!make_copy_nest(op, update ? 1 : 0, &p->mover.nest)) return "not a move";
  plan_mover(0, &p->mover);
  p->units = unit_count(p->mover);
  bound->params = p;
  if (update) {
    p->bytes = op.out[0].count * size;
    p->bytes_per_piece = cut_pieces(p->bytes, 2, 0.0, 64);
    bound->phases[bound->n_phases++] = {run_copy, piece_count(p->bytes, p->bytes_per_piece)};
  }
  if (p->units > 0) {
    const int64_t bytes = 2 * p->mover.nest.count * size / p->units + 1;
    p->units_per_piece = cut_pieces(p->units, bytes, 0.0, 1);
    bound->phases[bound->n_phases++] = {choose(size, update),
                                        piece_count(p->units, p->units_per_piece)};
  }
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::dynamic_slice, "dynamic_slice_rows", bind_window},
    {Opcode::dynamic_update_slice, "dynamic_update_slice_rows", bind_window},
};

}  // namespace

const Family kWindowFamily = {kCandidates,
                              static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
