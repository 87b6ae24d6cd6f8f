// Fisher-Yates with Philox: the same order for a seed everywhere.
#pragma once

#include <cstdint>

#include "plan/export.h"

namespace pydl {

PYDL_EXPORT void shuffle(int64_t* order, int64_t count, uint64_t seed);

}  // namespace pydl
