#include "plan/op.h"

#include <charconv>
#include <limits>

#include "plan/ops/check.h"
#include "plan/text.h"

namespace pydl {
namespace {

struct OpRow {
  const char* name;
  const char* family;
  const ops::OpFamily* rules;
};

constexpr OpRow kOps[] = {
#define PYDL_OPCODE(name, family) {#name, #family, &ops::family},
#include "plan/opcodes.def"
#undef PYDL_OPCODE
};

const OpRow& row(Opcode op) { return kOps[static_cast<int>(op)]; }

// Ranks, dims and sizes of an operand or result. Zero dims count as ones, so that no product of
// dims (strides, offsets) overflows anywhere later.
Status check_size(Opcode op, const char* what, size_t index, const Spec& spec) {
  const auto refuse = [&](const std::string& why) {
    return invalid(cat(opcode_name(op), ": ", what, " ", index, " ", why));
  };
  if (spec.shape.size() > static_cast<size_t>(kMaxRank)) {
    return refuse(cat("may have at most ", kMaxRank, " dimensions, received ", spec.shape.size()));
  }
  int64_t bytes = dtype_size(spec.dtype);
  for (const int64_t dim : spec.shape) {
    if (dim < kUnknown) return refuse(cat("has a negative dimension, received ", dim));
    if (dim > 1 && __builtin_mul_overflow(bytes, dim, &bytes)) {
      return refuse(cat("is too large, received ", spec));
    }
  }
  return Status();
}

bool is_known(const Spec& spec) {
  for (const int64_t dim : spec.shape) {
    if (dim == kUnknown) return false;
  }
  return true;
}

}  // namespace

const char* opcode_name(Opcode op) { return op == Opcode::if_ ? "if" : row(op).name; }

const char* opcode_family(Opcode op) { return row(op).family; }

bool find_opcode(std::string_view name, Opcode* op) {
  for (int i = 0; i < kOpcodeCount; ++i) {
    if (name != opcode_name(static_cast<Opcode>(i))) continue;
    *op = static_cast<Opcode>(i);
    return true;
  }
  return false;
}

bool find_dtype(std::string_view name, DType* dtype) {
  for (int i = 0; i < kDTypeCount; ++i) {
    if (name != kDTypeNames[i]) continue;
    *dtype = static_cast<DType>(i);
    return true;
  }
  return false;
}

std::string shape_string(const std::vector<int64_t>& shape) {
  std::string out = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    out += shape[i] == kUnknown ? "None" : std::to_string(shape[i]);
  }
  return out + (shape.size() == 1 ? ",)" : ")");
}

std::string to_string(const Spec& spec) {
  return std::string(dtype_name(spec.dtype)) + " " + shape_string(spec.shape);
}

std::string float_text(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  return std::string(digits, end);
}

int64_t element_count(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  bool empty = false;
  for (const int64_t dim : shape) {
    if (dim < 0) return -1;
    empty |= dim == 0;
    if (dim > 1 && __builtin_mul_overflow(product, dim, &product)) return -1;
  }
  return empty ? 0 : product;
}

void Attrs::set(std::string name, AttrValue value) {
  for (auto& [known, old] : items_) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  items_.emplace_back(std::move(name), std::move(value));
}

const AttrValue* Attrs::find(std::string_view name) const {
  for (const auto& [known, value] : items_) {
    if (known == name) return &value;
  }
  return nullptr;
}

int64_t Attrs::get_int(std::string_view name, int64_t otherwise) const {
  const AttrValue* value = find(name);
  const auto* integer = value == nullptr ? nullptr : std::get_if<int64_t>(value);
  return integer == nullptr ? otherwise : *integer;
}

double Attrs::get_float(std::string_view name, double otherwise) const {
  const AttrValue* value = find(name);
  if (value == nullptr) return otherwise;
  if (const auto* real = std::get_if<double>(value)) return *real;
  const auto* integer = std::get_if<int64_t>(value);
  return integer == nullptr ? otherwise : static_cast<double>(*integer);
}

std::string Attrs::get_string(std::string_view name, std::string otherwise) const {
  const AttrValue* value = find(name);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? otherwise : *text;
}

std::vector<int64_t> Attrs::get_ints(std::string_view name) const {
  const AttrValue* value = find(name);
  const auto* ints = value == nullptr ? nullptr : std::get_if<std::vector<int64_t>>(value);
  return ints == nullptr ? std::vector<int64_t>() : *ints;
}

Status infer(Opcode op, const std::vector<Spec>& inputs, const Attrs& attrs,
             std::vector<Spec>* outputs) {
  outputs->clear();
  bool known = true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    PYDL_RETURN_IF_ERROR(check_size(op, "operand", i, inputs[i]));
    known &= is_known(inputs[i]);
  }
  PYDL_RETURN_IF_ERROR(row(op).rules->infer({op, inputs, attrs}, outputs));
  for (size_t i = 0; i < outputs->size(); ++i) {
    PYDL_RETURN_IF_ERROR(check_size(op, "result", i, (*outputs)[i]));
    if (known && !is_known((*outputs)[i])) {
      return invalid(cat(opcode_name(op), ": result ", i, " has an unknown dimension, received ",
                         "only known ones"));
    }
  }
  return Status();
}

double flops(Opcode op, const std::vector<Spec>& inputs, const std::vector<Spec>& outputs,
             const Attrs& attrs) {
  return row(op).rules->flops({op, inputs, attrs}, outputs);
}

}  // namespace pydl
