// libpydl hides its symbols; PYDL_EXPORT marks the C++ functions the extension module calls.
#pragma once

#if defined(__GNUC__)
#define PYDL_EXPORT __attribute__((visibility("default")))
#else
#define PYDL_EXPORT
#endif
