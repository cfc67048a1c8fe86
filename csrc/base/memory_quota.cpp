#include "base/memory_quota.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/control_groups.h"

namespace fluxmlx {
namespace {

namespace fs = std::filesystem;

// "max", or a file that is not there, is no number.
std::optional<uint64_t> number_in(const fs::path& file) {
  std::ifstream in(file);
  uint64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

// Of the group and those below it. Version 1 has the group alone as well, under the names of version 2.
uint64_t bytes_of_files(const fs::path& folder) {
  std::ifstream stat(folder / "memory.stat");
  uint64_t alone = 0, in_all = 0, value = 0;
  for (std::string key; stat >> key >> value;) {
    if (key == "inactive_file" || key == "active_file") alone += value;
    if (key == "total_inactive_file" || key == "total_active_file") in_all += value;
  }
  return std::max(alone, in_all);
}

std::optional<uint64_t> left_of(const fs::path& folder, const char* limit_file, const char* used_file) {
  const std::optional<uint64_t> limit = number_in(folder / limit_file), used = number_in(folder / used_file);
  if (!limit || !used) return std::nullopt;
  const uint64_t kept = *used - std::min(*used, bytes_of_files(folder));
  return *limit - std::min(*limit, kept);
}

}  // namespace

std::optional<uint64_t> memory_quota(const fs::path& system) {
  std::optional<uint64_t> least;
  for (const fs::path& folder : control_groups(system, "memory")) {
    for (const auto& left : {left_of(folder, "memory.max", "memory.current"),
                             left_of(folder, "memory.limit_in_bytes", "memory.usage_in_bytes")}) {
      if (left) least = std::min(least.value_or(*left), *left);
    }
  }
  return least;
}

}  // namespace fluxmlx
