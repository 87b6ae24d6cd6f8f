#include <cstring>

#include "kernels/ref/bundle.h"
#include "kernels/ref/common.h"
#include "plan/opcode.h"

namespace pydl::ref {
namespace {

struct WindowParams {
  int rank;
  int64_t large[kMaxDims], small[kMaxDims];
  int64_t large_count, small_count;
  int64_t element_size;
};

// Where element `i` of the window stands in the larger value.
int64_t place(const WindowParams& p, const int64_t* start, int64_t i) {
  int64_t offset = 0, stride = 1;
  for (int d = p.rank - 1; d >= 0; --d) {
    const int64_t last = p.large[d] - p.small[d];
    const int64_t begin = start[d] < 0 ? 0 : start[d] > last ? last : start[d];
    offset += (begin + i % p.small[d]) * stride;
    i /= p.small[d];
    stride *= p.large[d];
  }
  return offset;
}

void run_slice(const Call& call, int64_t) {
  const WindowParams& p = *static_cast<const WindowParams*>(call.params);
  const int64_t* start = static_cast<const int64_t*>(call.in[1]);
  for (int64_t i = 0; i < p.small_count; ++i) {
    std::memcpy(static_cast<unsigned char*>(call.out[0]) + i * p.element_size,
                static_cast<const unsigned char*>(call.in[0]) + place(p, start, i) * p.element_size,
                static_cast<size_t>(p.element_size));
  }
}

void run_update(const Call& call, int64_t) {
  const WindowParams& p = *static_cast<const WindowParams*>(call.params);
  const int64_t* start = static_cast<const int64_t*>(call.in[2]);
  unsigned char* out = static_cast<unsigned char*>(call.out[0]);
  std::memcpy(out, call.in[0], static_cast<size_t>(p.large_count * p.element_size));
  for (int64_t i = 0; i < p.small_count; ++i) {
    std::memcpy(out + place(p, start, i) * p.element_size,
                static_cast<const unsigned char*>(call.in[1]) + i * p.element_size,
                static_cast<size_t>(p.element_size));
  }
}

const char* bind_window(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  WindowParams* p = alloc_params<WindowParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const bool update = op.op == Opcode::dynamic_update_slice;
  const TensorView& large = op.in[0];
  const TensorView& small = update ? op.in[1] : op.out[0];
  p->rank = large.rank;
  for (int d = 0; d < large.rank; ++d) {
    p->large[d] = large.dims[d];
    p->small[d] = small.dims[d];
  }
  p->large_count = large.count;
  p->small_count = small.count;
  p->element_size = dtype_size(large.dtype);
  return bind_piece(p, update ? run_update : run_slice, bound);
}

const Candidate kCandidates[] = {
    {Opcode::dynamic_slice, "dynamic_slice_ref", bind_window},
    {Opcode::dynamic_update_slice, "dynamic_update_slice_ref", bind_window},
};

}  // namespace

const Family kWindowFamily = {kCandidates,
                              static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::ref
