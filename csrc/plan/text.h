// Building messages: cat("expected ", n, " operands").
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "plan/op.h"

namespace pydl {

inline void append_text(std::string* out, std::string_view part) { out->append(part); }
inline void append_text(std::string* out, const Spec& part) { out->append(to_string(part)); }
inline void append_text(std::string* out, const std::vector<int64_t>& part) {
  out->append(shape_string(part));
}
inline void append_text(std::string* out, std::integral auto part) {
  out->append(std::to_string(part));
}
std::string float_text(double value);  // the shortest digits that read back the same
inline void append_text(std::string* out, double part) { out->append(float_text(part)); }

template <typename... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (append_text(&out, parts), ...);
  return out;
}

}  // namespace pydl
