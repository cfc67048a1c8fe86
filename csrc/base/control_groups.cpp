#include "base/control_groups.h"

#include <fstream>
#include <sstream>
#include <string>

namespace fluxmlx {
namespace {

namespace fs = std::filesystem;

void add_with_those_above(const fs::path& root, fs::path group, std::vector<fs::path>& folders) {
  folders.push_back(root);
  for (; !group.empty(); group = group.parent_path()) folders.push_back(root / group);
}

bool names(const std::string& controllers, std::string_view controller) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == controller) return true;
  }
  return false;
}

}  // namespace

std::vector<fs::path> control_groups(const fs::path& system, std::string_view controller) {
  std::vector<fs::path> folders;
  const fs::path mounted = system / "sys/fs/cgroup";
  std::ifstream file(system / "proc/self/cgroup");  // lines of hierarchy:controllers:path
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).relative_path();
    if (controllers.empty()) add_with_those_above(mounted, group, folders);
    if (!names(controllers, controller)) continue;
    for (const std::string& folder : {std::string(controller), controllers}) {
      add_with_those_above(mounted / folder, group, folders);
    }
  }
  return folders;
}

}  // namespace fluxmlx
