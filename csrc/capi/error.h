// The border of the C API: statuses become codes and a message, exceptions end here.
#pragma once

#include <exception>
#include <new>
#include <string_view>

#include "plan/status.h"
#include "pydl/pydl.h"

namespace pydl::capi {

// Keeps `message` for pydl_last_error of this thread. Never allocates.
pydl_status fail(Code code, std::string_view message) noexcept;

// Runs `body`, which returns a Status.
template <typename Body>
pydl_status guard(Body&& body) noexcept {
  try {
    const Status status = body();
    return status.ok() ? PYDL_OK : fail(status.code(), status.message());
  } catch (const std::bad_alloc&) {
    return fail(Code::kOutOfMemory, "out of memory");
  } catch (const std::exception& error) {
    return fail(Code::kInternal, error.what());
  } catch (...) {
    return fail(Code::kInternal, "unknown exception");
  }
}

}  // namespace pydl::capi
