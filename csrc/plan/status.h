// A must-use result: OK, or a code and a message fit for a user. Nothing in csrc throws across a
// library boundary, aborts or exits on bad input.
#pragma once

#include <string>
#include <utility>

namespace pydl {

enum class Code : int {
  kOk = 0,
  kInvalidArgument = 1,  // wrong shape, dtype, name, value
  kBadFile = 2,          // malformed, truncated or altered file
  kOutOfMemory = 3,
  kIo = 4,        // the operating system refused
  kNotFound = 5,  // no such entry, tensor, instruction set
  kFault = 6,     // bad data met while running; state unchanged by the faulty step
  kInternal = 7,
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

inline Status invalid(std::string message) {
  return Status(Code::kInvalidArgument, std::move(message));
}

}  // namespace pydl

#define PYDL_RETURN_IF_ERROR(expr)     \
  do {                                 \
    ::pydl::Status status_ = (expr);   \
    if (!status_.ok()) return status_; \
  } while (false)
