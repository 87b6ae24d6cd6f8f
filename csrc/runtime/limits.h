// How many threads this process may use, and why.
#pragma once

#include <string>

#include "plan/export.h"

namespace pydl {

struct ThreadLimits {
  int affinity = 1;     // CPUs in the affinity mask
  int cgroup = 0;       // CPUs the cgroup quota allows, rounded up; 0: no quota
  int environment = 0;  // PYDL_NUM_THREADS, else OMP_NUM_THREADS; 0: unset or not a number
  int threads = 1;      // what follows from them
};

PYDL_EXPORT ThreadLimits find_thread_limits();

}  // namespace pydl
