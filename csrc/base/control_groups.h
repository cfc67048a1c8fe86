#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace fluxmlx {

// Folders of the control groups that this process is in and that `controller` ("cpu", "memory") may limit: its own and
// all above it, in version 2 and version 1 of control groups. Not all of them need exist: inside a container only the
// root may. `system` is the folder that has proc/ and sys/.
std::vector<std::filesystem::path> control_groups(const std::filesystem::path& system, std::string_view controller);

}  // namespace fluxmlx
