#include "runtime/widened.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace pydl {
namespace {

constexpr int kInnerPhases = 4;
constexpr int64_t kAlign = 256;

// One operand's way to float32 or back.
struct Conversion {
  Bound cast;
  int operand;          // inputs, then outputs
  int64_t offset;       // of its float32 values, in scratch memory
  int64_t first_piece;  // of the phase that all conversions of one direction share
};

struct Widened {
  Bound inner;
  int n_in, n_out;
  int n_before, n_after;
  Conversion* before;
  Conversion* after;
};

// The operands of the inner kernel: the float32 values where there are any.
class Operands {
 public:
  Operands(const Widened& p, const Call& call) {
    const auto total = static_cast<size_t>(p.n_in + p.n_out);
    if (total > kFew) {
      thread_local std::vector<void*> many;  // grows once, not with every piece
      if (many.size() < total) many.resize(total);
      all_ = many.data();
    }
    for (int i = 0; i < p.n_in; ++i) all_[i] = const_cast<void*>(call.in[i]);
    for (int i = 0; i < p.n_out; ++i) all_[p.n_in + i] = call.out[i];
    for (int i = 0; i < p.n_before; ++i) replace(p.before[i], call);
    for (int i = 0; i < p.n_after; ++i) replace(p.after[i], call);
  }
  void* const* data() const { return all_; }

 private:
  static constexpr size_t kFew = 32;

  void replace(const Conversion& conversion, const Call& call) {
    all_[conversion.operand] = call.scratch + conversion.offset;
  }

  void* few_[kFew];
  void** all_ = few_;
};

template <int kPhase>
void run_inner(const Call& call, int64_t piece) {
  const Widened& p = *static_cast<const Widened*>(call.params);
  const Operands operands(p, call);
  Call inner = call;
  inner.params = p.inner.params;
  inner.in = const_cast<const void* const*>(operands.data());
  inner.out = operands.data() + p.n_in;
  inner.derived = nullptr;
  p.inner.phases[kPhase].run(inner, piece);
}

constexpr PieceFn kRunInner[kInnerPhases] = {run_inner<0>, run_inner<1>, run_inner<2>,
                                             run_inner<3>};

const Conversion& conversion_of(const Conversion* all, int count, int64_t piece) {
  int at = count - 1;
  while (all[at].first_piece > piece) --at;
  return all[at];
}

void run_cast(const Conversion& conversion, const Call& call, const void* from, void* to,
              int64_t piece) {
  Call cast = call;
  cast.params = conversion.cast.params;
  cast.in = &from;
  cast.out = &to;
  cast.derived = nullptr;
  conversion.cast.phases[0].run(cast, piece - conversion.first_piece);
}

void widen_operands(const Call& call, int64_t piece) {
  const Widened& p = *static_cast<const Widened*>(call.params);
  const Conversion& one = conversion_of(p.before, p.n_before, piece);
  run_cast(one, call, call.in[one.operand], call.scratch + one.offset, piece);
}

void narrow_results(const Call& call, int64_t piece) {
  const Widened& p = *static_cast<const Widened*>(call.params);
  const Conversion& one = conversion_of(p.after, p.n_after, piece);
  run_cast(one, call, call.scratch + one.offset, call.out[one.operand - p.n_in], piece);
}

TensorView as_float32(TensorView view) {
  view.constant = false;  // what a kernel derives from a constant, it derives from its memory
  if (is_half(view.dtype)) view.dtype = DType::kFloat32;
  return view;
}

// The first candidate of `op` that takes `view`; null: none, or memory is exhausted.
const Candidate* first_taking(const OpView& view, const Bundle& bundle, std::string_view kernel,
                              Binder* binder, Bound* bound, BoundInstruction* noted) {
  for (const Candidate* candidate : candidates(bundle, view.op)) {
    if (!kernel.empty() && kernel != candidate->name) continue;
    *bound = Bound();
    const char* refusal = candidate->bind(view, binder, bound);
    if (binder->failed()) return nullptr;
    if (refusal == nullptr) return candidate;
    if (noted != nullptr) noted->refused.emplace_back(candidate->name, refusal);
  }
  return nullptr;
}

// How each 16-bit operand of `views` gets to float32 (or from there) by the bundle's `cast`.
class Converter {
 public:
  Converter(const OpView& op, const Bundle& bundle, Binder* binder, int64_t scratch)
      : op_(op), bundle_(bundle), binder_(binder), at_(align_up(scratch)) {}

  // False: no kernel converts, or memory is exhausted.
  bool add(const TensorView* views, int count, int first, bool to_float32, Conversion** out,
           int* n_out, Phase* phase) {
    int halves = 0;
    for (int i = 0; i < count; ++i) halves += is_half(views[i].dtype) && views[i].count > 0;
    auto* list =
        static_cast<Conversion*>(binder_->alloc(sizeof(Conversion) * static_cast<size_t>(halves)));
    if (list == nullptr) return false;
    int64_t pieces = 0;
    for (int i = 0, k = 0; i < count; ++i) {
      if (!is_half(views[i].dtype) || views[i].count == 0) continue;
      Conversion& one = list[k++];
      one.operand = first + i;
      one.offset = at_;
      one.first_piece = pieces;
      at_ = align_up(at_ + views[i].count * dtype_size(DType::kFloat32));
      if (!bind_cast(views[i], to_float32, &one.cast)) return false;
      pieces += one.cast.phases[0].pieces;
    }
    *out = list;
    *n_out = halves;
    phase->pieces = pieces;
    return true;
  }

  int64_t bytes() const { return at_; }
  int64_t worker_bytes() const { return worker_bytes_; }

 private:
  static int64_t align_up(int64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

  bool bind_cast(const TensorView& view, bool to_float32, Bound* bound) {
    const TensorView from = to_float32 ? view : as_float32(view);
    const TensorView to = to_float32 ? as_float32(view) : view;
    Attrs attrs;
    attrs.set("dtype", std::string(dtype_name(to.dtype)));
    OpView cast = op_;
    cast.op = Opcode::cast;
    cast.n_in = cast.n_out = 1;
    cast.in = &from;
    cast.out = &to;
    cast.attrs = &attrs;
    if (first_taking(cast, bundle_, {}, binder_, bound, nullptr) == nullptr) return false;
    worker_bytes_ = std::max(worker_bytes_, bound->worker_bytes);
    return bound->n_phases == 1 && bound->scratch_bytes == 0 && bound->n_derived == 0;
  }

  const OpView& op_;
  const Bundle& bundle_;
  Binder* binder_;
  int64_t at_;
  int64_t worker_bytes_ = 0;
};

void add_phase(Bound* bound, PieceFn run, int64_t pieces) {
  if (pieces > 0) bound->phases[bound->n_phases++] = {run, pieces};
}

Status out_of_memory() { return Status(Code::kOutOfMemory, "out of memory while binding"); }

}  // namespace

bool is_half(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBFloat16; }

bool any_half(const OpView& op) {
  const auto half = [](const TensorView& view) { return is_half(view.dtype); };
  return std::any_of(op.in, op.in + op.n_in, half) || std::any_of(op.out, op.out + op.n_out, half);
}

Status bind_widened(const OpView& op, const Bundle& bundle, std::string_view kernel, Binder* binder,
                    BoundInstruction* out, const Candidate** taken) {
  *taken = nullptr;
  std::vector<TensorView> in, results;
  for (int i = 0; i < op.n_in; ++i) in.push_back(as_float32(op.in[i]));
  for (int i = 0; i < op.n_out; ++i) results.push_back(as_float32(op.out[i]));
  OpView view = op;
  view.in = in.data();
  view.out = results.data();
  auto* p = static_cast<Widened*>(binder->alloc(sizeof(Widened)));
  if (p == nullptr) return out_of_memory();
  const Candidate* found = first_taking(view, bundle, kernel, binder, &p->inner, out);
  if (binder->failed()) return out_of_memory();
  if (found == nullptr) return {};
  p->n_in = op.n_in;
  p->n_out = op.n_out;
  Converter converter(op, bundle, binder, p->inner.scratch_bytes);
  Phase before = {widen_operands, 0}, after = {narrow_results, 0};
  if (!converter.add(op.in, op.n_in, 0, true, &p->before, &p->n_before, &before) ||
      !converter.add(op.out, op.n_out, op.n_in, false, &p->after, &p->n_after, &after)) {
    if (binder->failed()) return out_of_memory();
    out->refused.emplace_back(found->name, "no kernel converts 16-bit floats");
    return {};
  }
  if (p->inner.n_phases > kInnerPhases || p->inner.n_derived > 0) {
    out->refused.emplace_back(found->name, "cannot run on float32 copies of its operands");
    return {};
  }
  *taken = found;
  out->through_float32 = true;
  out->bound = Bound();
  if (p->inner.n_phases == 0) return {};  // nothing to compute
  out->bound.params = p;
  out->bound.scratch_bytes = converter.bytes();
  out->bound.worker_bytes = std::max(p->inner.worker_bytes, converter.worker_bytes());
  add_phase(&out->bound, before.run, before.pieces);
  for (int i = 0; i < p->inner.n_phases; ++i) {
    add_phase(&out->bound, kRunInner[i], p->inner.phases[i].pieces);
  }
  add_phase(&out->bound, after.run, after.pieces);
  return {};
}

}  // namespace pydl
