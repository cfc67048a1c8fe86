#include "base/cpu_quota.h"

#include <algorithm>
#include <fstream>

#include "base/control_groups.h"

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

}  // namespace

std::optional<double> cpu_quota(const fs::path& system) {
  std::optional<double> least;
  for (const fs::path& folder : control_groups(system, "cpu")) {
    const std::optional<double> quota = quota_of(folder);
    if (quota) least = std::min(least.value_or(*quota), *quota);
  }
  return least;
}

}  // namespace fluxmlx
