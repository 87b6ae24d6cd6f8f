#include "plan/ops/check.h"

#include <cmath>

namespace pydl::ops {
namespace {

bool has_kind(const AttrValue& value, AttrKind kind) {
  const int64_t* integer = std::get_if<int64_t>(&value);
  switch (kind) {
    case AttrKind::kInt: return integer != nullptr;
    case AttrKind::kFlag: return integer != nullptr && (*integer == 0 || *integer == 1);
    case AttrKind::kFloat: return integer != nullptr || std::holds_alternative<double>(value);
    case AttrKind::kString: return std::holds_alternative<std::string>(value);
    case AttrKind::kInts: return std::holds_alternative<std::vector<int64_t>>(value);
  }
  return false;
}

const char* kind_text(AttrKind kind) {
  switch (kind) {
    case AttrKind::kInt: return "an integer";
    case AttrKind::kFlag: return "0 or 1";
    case AttrKind::kFloat: return "a number";
    case AttrKind::kString: return "a string";
    case AttrKind::kInts: return "a list of integers";
  }
  return "";
}

std::string value_text(const AttrValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return cat(*integer);
  if (const auto* real = std::get_if<double>(&value)) return cat(*real);
  if (const auto* text = std::get_if<std::string>(&value)) {
    return cat("'", std::string_view(*text).substr(0, 60), "'");
  }
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) return shape_string(*ints);
  return "a list of floats";
}

const AttrRule* find_rule(std::span<const AttrRule> rules, std::string_view name) {
  for (const AttrRule& rule : rules) {
    if (name == rule.name) return &rule;
  }
  return nullptr;
}

std::string known_names(std::span<const AttrRule> rules) {
  std::string names;
  for (const AttrRule& rule : rules) names += cat(names.empty() ? "" : ", ", rule.name);
  return names.empty() ? "none" : names;
}

const char* takes_text(Takes kinds) {
  switch (kinds) {
    case Takes::kFloat: return "a float type";
    case Takes::kFloatOrSigned: return "a float or a signed integer type";
    case Takes::kInteger: return "an integer type";
    case Takes::kNumber: return "a float or an integer type";
    case Takes::kNumberOrBool: return "a float or an integer type or bool";
    case Takes::kBool: return "bool";
    case Takes::kIndex: return "int32 or int64";
    case Takes::kAny: return "any dtype";
  }
  return "";
}

bool broadcast_dim(int64_t a, int64_t b, int64_t* out) {
  if (a == b || b == 1) {
    *out = a;
  } else if (a == 1 || a == kUnknown) {
    *out = b;
  } else if (b == kUnknown) {
    *out = a;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Status check_attrs(const OpCall& call, std::span<const AttrRule> rules) {
  size_t required = 0;
  for (const auto& [name, value] : call.attrs.items()) {
    const AttrRule* rule = find_rule(rules, name);
    if (rule == nullptr) {
      return refuse(call, "unknown attribute '", std::string_view(name).substr(0, 60),
                    "'; attributes: ", known_names(rules));
    }
    if (!has_kind(value, rule->kind)) {
      return refuse(call, "attribute '", name, "' must be ", kind_text(rule->kind), ", received ",
                    value_text(value));
    }
    required += rule->required ? 1 : 0;
  }
  for (const AttrRule& rule : rules) required -= rule.required ? 1 : 0;
  if (required == 0) return Status();  // names are unique, so the counts agree only when all came
  for (const AttrRule& rule : rules) {
    if (rule.required && call.attrs.find(rule.name) == nullptr) {
      return refuse(call, "missing attribute '", rule.name, "', ", kind_text(rule.kind));
    }
  }
  return Status();
}

Status check_no_attrs(const OpCall& call) { return check_attrs(call, {}); }

Status check_operands(const OpCall& call, std::initializer_list<const char*> names) {
  if (call.inputs.size() == names.size()) return Status();
  std::string list;
  for (const char* name : names) list += cat(list.empty() ? " (" : ", ", name);
  if (!list.empty()) list += ")";
  return refuse(call, "expected ", names.size(), names.size() == 1 ? " operand" : " operands", list,
                ", received ", call.inputs.size());
}

Status check_operand_list(const OpCall& call, std::initializer_list<Operand> operands) {
  int expected = 0;
  std::string names;
  for (const Operand& operand : operands) {
    if (!operand.present) continue;
    names += cat(expected == 0 ? "" : ", ", operand.name);
    ++expected;
  }
  if (call.n_in() != expected) {
    return refuse(call, "expected ", expected, " operands (", names, ") for these attributes, ",
                  "received ", call.n_in());
  }
  int next = 0;
  for (const Operand& operand : operands) {
    if (!operand.present) continue;
    PYDL_RETURN_IF_ERROR(check_spec(call, operand.name, call.in(next++), operand.spec));
  }
  return Status();
}

bool is_flag_set(const OpCall& call, const char* name) { return call.attrs.get_int(name, 0) != 0; }

Status check_activation(const OpCall& call, const char* name) {
  const std::string value = call.attrs.get_string(name, "");
  if (value.empty() || value == "relu" || value == "sigmoid" || value == "tanh") return Status();
  return refuse(call, "attribute '", name, "' must be 'relu', 'sigmoid' or 'tanh', received '",
                std::string_view(value).substr(0, 60), "'");
}

bool takes(Takes kinds, DType dtype) {
  const bool real = is_float(dtype);
  switch (kinds) {
    case Takes::kFloat: return real;
    case Takes::kFloatOrSigned: return real || (dtype >= DType::kInt8 && dtype <= DType::kInt64);
    case Takes::kInteger: return is_integer(dtype);
    case Takes::kNumber: return real || is_integer(dtype);
    case Takes::kNumberOrBool: return real || is_integer(dtype) || dtype == DType::kBool;
    case Takes::kBool: return dtype == DType::kBool;
    case Takes::kIndex: return dtype == DType::kInt32 || dtype == DType::kInt64;
    case Takes::kAny: return true;
  }
  return false;
}

Status check_dtype(const OpCall& call, const char* name, DType dtype, Takes kinds) {
  if (takes(kinds, dtype)) return Status();
  return refuse(call, name, " must be ", takes_text(kinds), ", received ", dtype_name(dtype));
}

Status check_same_dtype(const OpCall& call, const char* a_name, const Spec& a, const char* b_name,
                        const Spec& b) {
  if (a.dtype == b.dtype) return Status();
  return refuse(call, "dtypes must be equal, received ", a_name, " ", a, " and ", b_name, " ", b,
                "; cast one of them");
}

bool may_equal(const Shape& a, const Shape& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && a[i] != kUnknown && b[i] != kUnknown) return false;
  }
  return true;
}

Shape merge(const Shape& a, const Shape& b) {
  Shape out = a;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == kUnknown) out[i] = b[i];
  }
  return out;
}

Status check_spec(const OpCall& call, const char* name, const Spec& received,
                  const Spec& expected) {
  if (received.dtype == expected.dtype && may_equal(received.shape, expected.shape)) {
    return Status();
  }
  return refuse(call, name, " must be ", expected, ", received ", received);
}

Status broadcast(const OpCall& call, std::span<const Spec> specs, Shape* out) {
  *out = specs[0].shape;
  for (size_t k = 1; k < specs.size(); ++k) {
    const Shape& next = specs[k].shape;
    if (next.size() > out->size()) out->insert(out->begin(), next.size() - out->size(), 1);
    const size_t shift = out->size() - next.size();
    for (size_t i = 0; i < next.size(); ++i) {
      const int64_t before = (*out)[shift + i];
      if (broadcast_dim(before, next[i], &(*out)[shift + i])) continue;
      std::string shapes;
      for (const Spec& spec : specs) shapes += cat(shapes.empty() ? "" : " and ", spec.shape);
      return refuse(call, "shapes do not broadcast, received ", shapes, ": axis ",
                    -static_cast<int64_t>(next.size() - i), " has ", before, " and ", next[i]);
    }
  }
  return Status();
}

Status read_dtype(const OpCall& call, Takes kinds, DType* dtype) {
  const std::string name = call.attrs.get_string("dtype", "");
  if (!find_dtype(name, dtype)) {
    return refuse(call, "attribute 'dtype' must be ", takes_text(kinds), ", received '",
                  std::string_view(name).substr(0, 60), "'");
  }
  return check_dtype(call, "attribute 'dtype'", *dtype, kinds);
}

Status read_shape(const OpCall& call, Shape* out) {
  *out = call.attrs.get_ints("shape");
  if (out->size() > static_cast<size_t>(kMaxRank)) {
    return refuse(call, "attribute 'shape' may have at most ", kMaxRank, " dimensions, received ",
                  out->size());
  }
  for (const int64_t dim : *out) {
    if (dim < 0) {
      return refuse(call, "dimensions of attribute 'shape' must be >= 0, received ", dim);
    }
  }
  return Status();
}

Status check_axis(const OpCall& call, const char* name, int64_t axis, size_t rank) {
  if (axis >= 0 && axis < static_cast<int64_t>(rank)) return Status();
  return refuse(call, name, " must be in [0, ", rank, ") for a value of rank ", rank, ", received ",
                axis);
}

Status check_axes(const OpCall& call, const Shape& axes, size_t rank) {
  int64_t previous = -1;
  for (const int64_t axis : axes) {
    PYDL_RETURN_IF_ERROR(check_axis(call, "attribute 'axes'", axis, rank));
    if (axis <= previous) {
      return refuse(call, "attribute 'axes' must be sorted, each axis once, received ", axes);
    }
    previous = axis;
  }
  return Status();
}

Status check_not_empty(const OpCall& call, const Shape& x, int64_t axis) {
  if (x[static_cast<size_t>(axis)] != 0) return Status();
  return refuse(call, "has no value over an empty axis, received x ", x, " and axis ", axis);
}

Shape without_axes(Shape shape, const Shape& axes, bool keepdims) {
  for (size_t i = axes.size(); i-- > 0;) {  // from the back: erasing keeps the earlier axes
    if (keepdims) {
      shape[static_cast<size_t>(axes[i])] = 1;
    } else {
      shape.erase(shape.begin() + axes[i]);
    }
  }
  return shape;
}

Status check_range(const OpCall& call, const char* name, double low, double high) {
  const double value = call.attrs.get_float(name, low);
  if (std::isfinite(value) && value >= low && value <= high) return Status();
  const std::string bound = std::isfinite(high)  ? cat(" in [", low, ", ", high, "]")
                            : std::isfinite(low) ? cat(" and at least ", low)
                                                 : std::string();
  return refuse(call, "attribute '", name, "' must be finite", bound, ", received ", value);
}

double count_of(const Spec& spec) {
  const int64_t count = element_count(spec.shape);
  return count < 0 ? 0.0 : static_cast<double>(count);
}

}  // namespace pydl::ops
