#include "base/cpu_quota.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace fluxmlx {
namespace {

namespace fs = std::filesystem;

struct Number {
  double value = 0;

  // "max", or a file that is not there, is no number.
  explicit Number(const fs::path& file) { std::ifstream(file) >> value; }
};

// Of one group's folder: cpu.max (version 2) or cpu.cfs_* (version 1).
std::optional<double> quota_of(const fs::path& folder) {
  double quota = 0, period = 0;
  std::ifstream(folder / "cpu.max") >> quota >> period;
  if (quota <= 0 || period <= 0) {
    quota = Number(folder / "cpu.cfs_quota_us").value;
    period = Number(folder / "cpu.cfs_period_us").value;
  }
  return quota > 0 && period > 0 ? std::optional(quota / period) : std::nullopt;
}

void take_least(std::optional<double>& least, std::optional<double> other) {
  if (other) least = least ? std::min(*least, *other) : *other;
}

// Inside a container the path may not exist: the root then counts.
std::optional<double> least_quota(const fs::path& root, fs::path group) {
  std::optional<double> least = quota_of(root);
  for (; !group.empty(); group = group.parent_path()) take_least(least, quota_of(root / group));
  return least;
}

bool names_cpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

}  // namespace

std::optional<double> cpu_quota(const fs::path& system) {
  std::optional<double> least;
  const fs::path mounted = system / "sys/fs/cgroup";
  std::ifstream file(system / "proc/self/cgroup");  // lines of hierarchy:controllers:path
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).relative_path();
    if (controllers.empty()) take_least(least, least_quota(mounted, group));
    if (!names_cpu(controllers)) continue;
    for (const std::string& folder : {std::string("cpu"), controllers}) {
      take_least(least, least_quota(mounted / folder, group));
    }
  }
  return least;
}

}  // namespace fluxmlx
