#include <algorithm>

#include "base/cpu_quota.h"
#include "base/processors.h"
#include "base/thread_pool.h"

namespace fluxmlx {

int available_threads() noexcept {
  try {
    return threads_within(n_processors(), cpu_quota("/"));
  } catch (...) {
    return 1;
  }
}

int threads_within(int n_processors, std::optional<double> quota) noexcept {
  // Rounded down: threads that spin for one another lose more to a throttled period than a part of a core gives.
  return quota && *quota < n_processors ? std::max(1, static_cast<int>(*quota)) : n_processors;
}

}  // namespace fluxmlx
