#include <algorithm>
#include <thread>

#include "base/cpu_quota.h"
#include "base/thread_pool.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace fluxmlx {
namespace {

int hardware_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

#if defined(__linux__)
int affinity_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // More than 1024 processors do not fit the fixed set: take the library's count then.
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : hardware_threads();
}
#else
int affinity_threads() { return hardware_threads(); }
#endif

}  // namespace

int available_threads() noexcept {
  try {
    return threads_within(affinity_threads(), cpu_quota("/"));
  } catch (...) {
    return 1;
  }
}

int threads_within(int n_processors, std::optional<double> quota) noexcept {
  // Rounded down: threads that spin for one another lose more to a throttled period than a part of a core gives.
  return quota && *quota < n_processors ? std::max(1, static_cast<int>(*quota)) : n_processors;
}

}  // namespace fluxmlx
