// Moving elements and making constants.
#include <cmath>
#include <limits>

#include "plan/ops/check.h"

namespace pydl::ops {
namespace {

// Fills in the -1 of a reshape's target, or leaves it unknown when the element count is.
Status fill_unknown(const OpCall& call, Shape* target) {
  const int64_t count = element_count(call.in(0).shape);
  int64_t* unknown = nullptr;
  Shape known;
  for (int64_t& dim : *target) {
    if (dim == kUnknown && unknown == nullptr) {
      unknown = &dim;
    } else {
      known.push_back(dim);
    }
  }
  const int64_t product = element_count(known);
  if (product < 0) {
    return refuse(call, "dimensions of attribute 'shape' must be >= 0, at most one of them -1, ",
                  "received ", *target);
  }
  if (count < 0) return Status();
  const bool fits = unknown == nullptr ? product == count : product > 0 && count % product == 0;
  if (!fits) {
    return refuse(call, "cannot reshape ", call.in(0).shape, " with ", count, " elements to ",
                  *target);
  }
  if (unknown != nullptr) *unknown = count / product;
  return Status();
}

Status infer_reshape(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"shape", AttrKind::kInts, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  Shape target = call.attrs.get_ints("shape");
  if (target.size() > static_cast<size_t>(kMaxRank)) {
    return refuse(call, "attribute 'shape' may have at most ", kMaxRank, " dimensions, received ",
                  target.size());
  }
  PYDL_RETURN_IF_ERROR(fill_unknown(call, &target));
  outputs->push_back({call.in(0).dtype, std::move(target)});
  return Status();
}

Status infer_transpose(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"perm", AttrKind::kInts, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  const Spec& x = call.in(0);
  const Shape perm = call.attrs.get_ints("perm");
  unsigned seen = 0;
  Shape shape;
  for (const int64_t axis : perm) {
    if (axis < 0 || axis >= static_cast<int64_t>(x.shape.size())) break;
    seen |= 1u << axis;
    shape.push_back(x.shape[static_cast<size_t>(axis)]);
  }
  if (perm.size() != x.shape.size() || seen != (1u << x.shape.size()) - 1) {
    return refuse(call, "attribute 'perm' must hold each axis of x ", x.shape, " once, received ",
                  perm);
  }
  outputs->push_back({x.dtype, std::move(shape)});
  return Status();
}

Status infer_broadcast_to(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"shape", AttrKind::kInts, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  const Shape& x = call.in(0).shape;
  Shape target = call.attrs.get_ints("shape");
  bool fits = target.size() >= x.size() && target.size() <= static_cast<size_t>(kMaxRank);
  for (const int64_t dim : target) fits &= dim >= kUnknown;
  for (size_t i = 0; fits && i < x.size(); ++i) {
    int64_t* dim = &target[target.size() - x.size() + i];
    fits = x[i] == 1 || x[i] == *dim || x[i] == kUnknown || *dim == kUnknown;
    if (x[i] != 1 && *dim == kUnknown) *dim = x[i];
  }
  if (!fits) return refuse(call, "cannot broadcast x ", x, " to ", target);
  outputs->push_back({call.in(0).dtype, std::move(target)});
  return Status();
}

Status infer_concatenate(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"axis", AttrKind::kInt, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  if (call.inputs.empty()) return refuse(call, "expected one or more operands, received none");
  const int64_t axis = call.attrs.get_int("axis", 0);
  Spec out = call.in(0);
  PYDL_RETURN_IF_ERROR(check_axis(call, "attribute 'axis'", axis, out.shape.size()));
  const auto at = static_cast<size_t>(axis);
  for (int i = 1; i < call.n_in(); ++i) {
    const Spec& next = call.in(i);
    PYDL_RETURN_IF_ERROR(check_same_dtype(call, "operand 0", call.in(0), "another", next));
    Shape aligned = next.shape;
    if (aligned.size() == out.shape.size()) aligned[at] = out.shape[at];
    if (!may_equal(aligned, out.shape)) {
      return refuse(call, "shapes must be equal except on axis ", axis, ", received ",
                    call.in(0).shape, " and ", next.shape);
    }
    const bool unknown = out.shape[at] == kUnknown || next.shape[at] == kUnknown;
    int64_t length = kUnknown;
    if (!unknown && __builtin_add_overflow(out.shape[at], next.shape[at], &length)) {
      return refuse(call, "the result is too large on axis ", axis);
    }
    out.shape = merge(out.shape, aligned);
    out.shape[at] = length;
  }
  outputs->push_back(std::move(out));
  return Status();
}

// One entry per axis in each of the list attributes.
Status check_per_axis(const OpCall& call, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const size_t length = call.attrs.get_ints(name).size();
    if (length == call.in(0).shape.size()) continue;
    return refuse(call, "attribute '", name, "' must have one entry per axis of x ",
                  call.in(0).shape, ", received ", length);
  }
  return Status();
}

Status infer_slice(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"begin", AttrKind::kInts, true},
                                 {"end", AttrKind::kInts, true},
                                 {"stride", AttrKind::kInts, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  PYDL_RETURN_IF_ERROR(check_per_axis(call, {"begin", "end", "stride"}));
  const Shape begin = call.attrs.get_ints("begin");
  const Shape end = call.attrs.get_ints("end");
  const Shape stride = call.attrs.get_ints("stride");
  Spec out = call.in(0);
  for (size_t i = 0; i < out.shape.size(); ++i) {
    int64_t* dim = &out.shape[i];
    const bool to_end = *dim == kUnknown && end[i] == kUnknown;  // x[2:] of an unknown length
    const bool fits = begin[i] >= 0 && stride[i] >= 1 &&
                      (to_end || (begin[i] <= end[i] && (*dim == kUnknown || end[i] <= *dim)));
    if (!fits) {
      return refuse(call, "axis ", i, " of x ", call.in(0).shape,
                    " needs 0 <= begin <= end <= dim and stride >= 1, received begin ", begin[i],
                    ", end ", end[i], ", stride ", stride[i]);
    }
    // Not (length + stride - 1) / stride, which overflows for a huge stride.
    const int64_t length = end[i] - begin[i];
    if (!to_end) *dim = length == 0 ? 0 : (length - 1) / stride[i] + 1;
  }
  outputs->push_back(std::move(out));
  return Status();
}

// The "value" attribute must be a value of the dtype.
Status check_value(const OpCall& call, DType dtype) {
  const double value = call.attrs.get_float("value", 0.0);
  if (is_float(dtype)) return Status();
  const int bits = dtype == DType::kBool ? 1 : 8 * dtype_size(dtype);
  const bool has_sign = dtype >= DType::kInt8 && dtype <= DType::kInt64;
  const double high = std::ldexp(1.0, has_sign ? bits - 1 : bits);
  const double low = has_sign ? -high : 0.0;
  const bool exact = std::holds_alternative<int64_t>(*call.attrs.find("value"));
  // An int64 near 2^63 rounds up as a double; as an integer it always fits an int64.
  const bool fits = (exact && dtype == DType::kInt64) || (value >= low && value < high);
  if (fits && std::floor(value) == value) return Status();
  return refuse(call, "attribute 'value' must be a value of ", dtype_name(dtype), ", received ",
                value);
}

Status infer_pad(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"low", AttrKind::kInts, true},
                                 {"high", AttrKind::kInts, true},
                                 {"value", AttrKind::kFloat, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "x", call.in(0).dtype, Takes::kNumberOrBool));
  PYDL_RETURN_IF_ERROR(check_per_axis(call, {"low", "high"}));
  PYDL_RETURN_IF_ERROR(check_value(call, call.in(0).dtype));
  const Shape low = call.attrs.get_ints("low");
  const Shape high = call.attrs.get_ints("high");
  Spec out = call.in(0);
  for (size_t i = 0; i < out.shape.size(); ++i) {
    int64_t* dim = &out.shape[i];
    int64_t added = 0;
    int64_t padded = 0;
    const bool fits = low[i] >= 0 && high[i] >= 0 &&
                      !__builtin_add_overflow(low[i], high[i], &added) &&
                      !__builtin_add_overflow(*dim, added, &padded);
    if (!fits) {
      return refuse(call, "low and high must be >= 0 and the result addressable, received low ",
                    low[i], ", high ", high[i], " on axis ", i, " of x ", call.in(0).shape);
    }
    if (*dim != kUnknown) *dim = padded;
  }
  outputs->push_back(std::move(out));
  return Status();
}

Status infer_full(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"shape", AttrKind::kInts, true},
                                 {"dtype", AttrKind::kString, true},
                                 {"value", AttrKind::kFloat, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {}));
  Spec out;
  PYDL_RETURN_IF_ERROR(read_dtype(call, Takes::kNumberOrBool, &out.dtype));
  PYDL_RETURN_IF_ERROR(read_shape(call, &out.shape));
  PYDL_RETURN_IF_ERROR(check_value(call, out.dtype));
  outputs->push_back(std::move(out));
  return Status();
}

Status infer_one_hot(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"depth", AttrKind::kInt, true},
                                 {"dtype", AttrKind::kString, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"indices"}));
  PYDL_RETURN_IF_ERROR(check_dtype(call, "indices", call.in(0).dtype, Takes::kIndex));
  const int64_t depth = call.attrs.get_int("depth", 0);
  if (depth < 0) return refuse(call, "attribute 'depth' must be >= 0, received ", depth);
  Spec out;
  PYDL_RETURN_IF_ERROR(read_dtype(call, Takes::kNumberOrBool, &out.dtype));
  out.shape = call.in(0).shape;
  out.shape.push_back(depth);
  outputs->push_back(std::move(out));
  return Status();
}

Status infer_flip(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"axes", AttrKind::kInts, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x"}));
  int64_t previous = -1;
  const Shape axes = call.attrs.get_ints("axes");
  for (const int64_t axis : axes) {
    PYDL_RETURN_IF_ERROR(check_axis(call, "attribute 'axes'", axis, call.in(0).shape.size()));
    if (axis <= previous) {
      return refuse(call, "attribute 'axes' must be sorted, each axis once, received ", axes);
    }
    previous = axis;
  }
  outputs->push_back(call.in(0));
  return Status();
}

// `start` of a window: one entry per axis of x.
Status check_start(const OpCall& call, const Spec& start) {
  const auto rank = static_cast<int64_t>(call.in(0).shape.size());
  return check_spec(call, "start", start, {DType::kInt64, {rank}});
}

Status infer_dynamic_slice(const OpCall& call, std::vector<Spec>* outputs) {
  constexpr AttrRule kRules[] = {{"sizes", AttrKind::kInts, true}};
  PYDL_RETURN_IF_ERROR(check_attrs(call, kRules));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x", "start"}));
  PYDL_RETURN_IF_ERROR(check_start(call, call.in(1)));
  PYDL_RETURN_IF_ERROR(check_per_axis(call, {"sizes"}));
  const Spec& x = call.in(0);
  Shape sizes = call.attrs.get_ints("sizes");
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] >= 0 && (x.shape[i] == kUnknown || sizes[i] <= x.shape[i])) continue;
    return refuse(call, "attribute 'sizes' must be between 0 and the dimensions of x ", x.shape,
                  ", received ", sizes);
  }
  outputs->push_back({x.dtype, std::move(sizes)});
  return Status();
}

Status infer_dynamic_update_slice(const OpCall& call, std::vector<Spec>* outputs) {
  PYDL_RETURN_IF_ERROR(check_no_attrs(call));
  PYDL_RETURN_IF_ERROR(check_operands(call, {"x", "update", "start"}));
  const Spec& x = call.in(0);
  const Spec& update = call.in(1);
  PYDL_RETURN_IF_ERROR(check_same_dtype(call, "x", x, "update", update));
  PYDL_RETURN_IF_ERROR(check_start(call, call.in(2)));
  bool fits = update.shape.size() == x.shape.size();
  for (size_t i = 0; fits && i < x.shape.size(); ++i) {
    fits = x.shape[i] == kUnknown || update.shape[i] <= x.shape[i];
  }
  if (!fits) {
    return refuse(call, "update must have the rank of x ", x.shape,
                  " and fit into it, received update ", update.shape);
  }
  outputs->push_back(x);
  return Status();
}

Status infer_shape(const OpCall& call, std::vector<Spec>* outputs) {
  switch (call.op) {
    case Opcode::reshape: return infer_reshape(call, outputs);
    case Opcode::transpose: return infer_transpose(call, outputs);
    case Opcode::broadcast_to: return infer_broadcast_to(call, outputs);
    case Opcode::concatenate: return infer_concatenate(call, outputs);
    case Opcode::slice: return infer_slice(call, outputs);
    case Opcode::pad: return infer_pad(call, outputs);
    case Opcode::full: return infer_full(call, outputs);
    case Opcode::flip: return infer_flip(call, outputs);
    case Opcode::dynamic_slice: return infer_dynamic_slice(call, outputs);
    case Opcode::dynamic_update_slice: return infer_dynamic_update_slice(call, outputs);
    default: return infer_one_hot(call, outputs);
  }
}

double shape_flops(const OpCall&, const std::vector<Spec>&) { return 0.0; }

}  // namespace

const OpFamily shape = {infer_shape, shape_flops};

}  // namespace pydl::ops
