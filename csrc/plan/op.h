// The one gate: every op call, traced, eager, loaded from a file or made through the C API, passes
// `infer` before a kernel sees a size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "plan/dtype.h"
#include "plan/export.h"
#include "plan/opcode.h"
#include "plan/status.h"

namespace pydl {

PYDL_EXPORT const char* opcode_name(Opcode op);    // "add"; if_ is "if"
PYDL_EXPORT const char* opcode_family(Opcode op);  // "elementwise"
// False when no opcode has this name.
[[nodiscard]] PYDL_EXPORT bool find_opcode(std::string_view name, Opcode* op);
[[nodiscard]] PYDL_EXPORT bool find_dtype(std::string_view name, DType* dtype);

constexpr int kMaxRank = 8;
constexpr int64_t kUnknown = -1;  // a dimension not known yet (model graph only, never in a plan)

// Shape and type of a value. Dimensions are >= 0 or kUnknown.
struct Spec {
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  bool operator==(const Spec&) const = default;
};
PYDL_EXPORT std::string to_string(const Spec& spec);  // "float32 (32, 784)"
// "(32, None)"; "(5,)"; "()"
PYDL_EXPORT std::string shape_string(const std::vector<int64_t>& shape);
// Number of elements, or -1 when a dimension is unknown or the product overflows int64 (zeros
// counted as ones, so that no partial product of an accepted shape overflows).
PYDL_EXPORT int64_t element_count(const std::vector<int64_t>& shape);

using AttrValue =
    std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>>;

// Attributes by name. Few per op: linear search.
class PYDL_EXPORT Attrs {
 public:
  void set(std::string name, AttrValue value);
  const AttrValue* find(std::string_view name) const;
  int64_t get_int(std::string_view name, int64_t otherwise) const;
  double get_float(std::string_view name, double otherwise) const;  // accepts an integer too
  std::string get_string(std::string_view name, std::string otherwise) const;
  std::vector<int64_t> get_ints(std::string_view name) const;  // empty when absent
  const std::vector<std::pair<std::string, AttrValue>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, AttrValue>> items_;
};

// Checks a call and finds the specs of its results. Refuses unknown, missing and mistyped
// attributes, wrong operand counts, dtypes, ranks and dims, and results whose bytes overflow.
// Messages name the op and say expected and received. Results are fully known when the inputs are.
PYDL_EXPORT Status infer(Opcode op, const std::vector<Spec>& inputs, const Attrs& attrs,
                         std::vector<Spec>* outputs);

// Floating-point operations of one run (multiply-add counts two); bytes are those of the operands.
PYDL_EXPORT double flops(Opcode op, const std::vector<Spec>& inputs,
                         const std::vector<Spec>& outputs, const Attrs& attrs);

}  // namespace pydl
