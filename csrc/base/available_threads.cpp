#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "base/thread_pool.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace fluxmlx {
namespace {

int hardware_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

#if defined(__linux__)

namespace fs = std::filesystem;

int affinity_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // More than 1024 processors do not fit the fixed set: take the library's count then.
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : hardware_threads();
}

// Processors that one cgroup folder grants: cpu.max (version 2) or cpu.cfs_* (version 1); nothing where unlimited.
std::optional<double> quota_of(const fs::path& folder) {
  double quota = 0, period = 0;
  if (std::ifstream v2(folder / "cpu.max"); v2 >> quota >> period && period > 0) return quota / period;
  std::ifstream v1(folder / "cpu.cfs_quota_us");
  std::ifstream v1_period(folder / "cpu.cfs_period_us");
  if (v1 >> quota && v1_period >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

// The least quota of a cgroup and its parents. Inside a container the path may not exist: the root then counts.
void take_quotas(const fs::path& root, fs::path relative, double& least) {
  while (true) {
    if (const auto quota = quota_of(relative.empty() ? root : root / relative)) least = std::min(least, *quota);
    if (relative.empty()) return;
    relative = relative.parent_path();
  }
}

double cgroup_quota() {
  double least = 1e9;
  std::ifstream file("/proc/self/cgroup");  // lines of hierarchy:controllers:path
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path relative = fs::path(line.substr(second + 1)).relative_path();
    if (controllers.empty()) take_quotas("/sys/fs/cgroup", relative, least);
    if (controllers == "cpu" || controllers.find("cpu,") != std::string::npos) {
      take_quotas("/sys/fs/cgroup/cpu", relative, least);
    }
  }
  return least;
}

int usable_threads() {
  // Rounded down: threads that spin for one another lose more to a throttled period than a part of a core gives.
  const double quota = std::max(1.0, cgroup_quota());
  return quota < affinity_threads() ? static_cast<int>(quota) : affinity_threads();
}

#else

int usable_threads() { return hardware_threads(); }

#endif

}  // namespace

int available_threads() noexcept {
  try {
    return usable_threads();
  } catch (...) {
    return 1;
  }
}

}  // namespace fluxmlx
