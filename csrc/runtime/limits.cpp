#include "runtime/limits.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

namespace pydl {
namespace {

constexpr int kMostThreads = 256;

int affinity_count() {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return 1;
  return std::max(1, CPU_COUNT(&mask));
}

int quota_cpus(double quota, double period) {
  if (quota <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

// cgroup v2 `cpu.max` ("max 100000" or "150000 100000"), else v1's two files.
int cgroup_cpus() {
  std::string quota;
  double period = 0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> quota >> period) {
    return quota == "max" ? 0 : quota_cpus(std::atof(quota.c_str()), period);
  }
  double v1_quota = 0;
  std::ifstream q("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream p("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (q >> v1_quota && p >> period) return quota_cpus(v1_quota, period);
  return 0;
}

int environment_threads() {
  for (const char* name : {"PYDL_NUM_THREADS", "OMP_NUM_THREADS"}) {
    const char* text = std::getenv(name);
    if (text == nullptr) continue;
    const int count = std::atoi(text);
    if (count > 0) return std::min(count, kMostThreads);
  }
  return 0;
}

}  // namespace

ThreadLimits find_thread_limits() {
  ThreadLimits limits;
  limits.affinity = affinity_count();
  limits.cgroup = cgroup_cpus();
  limits.environment = environment_threads();
  limits.threads = std::min(limits.affinity, kMostThreads);
  if (limits.cgroup > 0) limits.threads = std::min(limits.threads, limits.cgroup);
  if (limits.environment > 0) limits.threads = limits.environment;
  return limits;
}

}  // namespace pydl
