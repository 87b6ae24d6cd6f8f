#include "capi/error.h"

#include <algorithm>
#include <cstring>

namespace pydl::capi {
namespace {

static_assert(static_cast<int>(Code::kInternal) == PYDL_INTERNAL);

constexpr size_t kMostText = 2048;
thread_local char last_error[kMostText] = "";

// The longest prefix that fits and does not cut a UTF-8 sequence.
size_t fitting_length(std::string_view text) {
  if (text.size() < kMostText) return text.size();
  size_t length = kMostText - 1;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  return length;
}

}  // namespace

pydl_status fail(Code code, std::string_view message) noexcept {
  const size_t length = fitting_length(message);
  std::memcpy(last_error, message.data(), length);
  last_error[length] = '\0';
  return static_cast<pydl_status>(code);
}

}  // namespace pydl::capi

const char* pydl_last_error(void) { return pydl::capi::last_error; }
