#include "runtime/placement.h"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace pydl {

#if defined(__linux__)

void Placement::keep_apart(std::vector<std::thread>& workers) {
  const int here = sched_getcpu();
  if (here == caller_) return;
  caller_ = here;
  cpu_set_t allowed;
  if (here < 0 || sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  if (CPU_COUNT(&allowed) > 1) CPU_CLR(here, &allowed);
  // A refusal leaves a worker where it was, which is only slower.
  for (std::thread& worker : workers) {
    pthread_setaffinity_np(worker.native_handle(), sizeof(allowed), &allowed);
  }
}

#else

void Placement::keep_apart(std::vector<std::thread>&) {}

#endif

}  // namespace pydl
