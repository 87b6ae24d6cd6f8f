// What the checks of every op family share. Messages read "<op>: expected ..., received ...".
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "plan/op.h"
#include "plan/text.h"

namespace pydl::ops {

using Shape = std::vector<int64_t>;

struct OpCall {
  Opcode op;
  const std::vector<Spec>& inputs;
  const Attrs& attrs;

  const char* name() const { return opcode_name(op); }
  const Spec& in(int i) const { return inputs[static_cast<size_t>(i)]; }
  int n_in() const { return static_cast<int>(inputs.size()); }
};

// One family of opcodes: how its calls are checked and counted. `infer` sees inputs whose ranks and
// dims are already sane and appends to empty `outputs`; `flops` sees only calls that passed it.
struct OpFamily {
  Status (*infer)(const OpCall& call, std::vector<Spec>* outputs);
  double (*flops)(const OpCall& call, const std::vector<Spec>& outputs);
};
extern const OpFamily elementwise, shape, reduce, matmul, conv, pool, softmax, norm, batch_norm,
    loss, gather, cumulative, sort, random, optimizer, rows, control;

// "add: " + message.
template <typename... Parts>
Status refuse(const OpCall& call, const Parts&... parts) {
  return invalid(cat(call.name(), ": ", parts...));
}

enum class AttrKind { kInt, kFlag, kFloat, kString, kInts };

struct AttrRule {
  const char* name;
  AttrKind kind;
  bool required;
};

// Refuses unknown, missing and mistyped attributes.
Status check_attrs(const OpCall& call, std::span<const AttrRule> rules);
Status check_no_attrs(const OpCall& call);

// The operand count; `names` are for the message.
Status check_operands(const OpCall& call, std::initializer_list<const char*> names);

// Operands some of which are there only when an attribute asks for them.
struct Operand {
  const char* name;
  bool present;
  Spec spec;
};
// Exactly those present, in this order, each of its spec.
Status check_operand_list(const OpCall& call, std::initializer_list<Operand> operands);
bool is_flag_set(const OpCall& call, const char* name);
// An activation that an epilogue can apply, or none ("").
Status check_activation(const OpCall& call, const char* name);

// The classes of dtypes that ops take.
enum class Takes { kFloat, kFloatOrSigned, kInteger, kNumber, kNumberOrBool, kBool, kIndex, kAny };
bool takes(Takes kinds, DType dtype);
Status check_dtype(const OpCall& call, const char* name, DType dtype, Takes kinds);
Status check_same_dtype(const OpCall& call, const char* a_name, const Spec& a, const char* b_name,
                        const Spec& b);

// The operand must be exactly this, for example a seed: uint32 (2,). Unknown dims pass.
Status check_spec(const OpCall& call, const char* name, const Spec& received, const Spec& expected);
bool may_equal(const Shape& a, const Shape& b);  // unknown dims equal anything
Shape merge(const Shape& a, const Shape& b);     // of shapes that may be equal: the known dims

// NumPy's rule, extended: an unknown dim meets a known one other than 1 and becomes it.
Status broadcast(const OpCall& call, std::span<const Spec> specs, Shape* out);

// The "dtype" attribute, of one of the kinds.
Status read_dtype(const OpCall& call, Takes kinds, DType* dtype);
// The "shape" attribute: at most kMaxRank dims, all >= 0.
Status read_shape(const OpCall& call, Shape* out);
// An axis attribute in [0, rank).
Status check_axis(const OpCall& call, const char* name, int64_t axis, size_t rank);
// The "axes" attribute of a reduction: sorted, each once, in [0, rank).
Status check_axes(const OpCall& call, const Shape& axes, size_t rank);
// An extremum has no value over an empty axis.
Status check_not_empty(const OpCall& call, const Shape& x, int64_t axis);
Shape without_axes(Shape shape, const Shape& axes, bool keepdims);
// A float attribute that must be finite and in [low, high].
Status check_range(const OpCall& call, const char* name, double low, double high);

double count_of(const Spec& spec);  // elements as a double; 0 when unknown

}  // namespace pydl::ops
