#pragma once

#include <filesystem>
#include <optional>

namespace fluxmlx {

// Processors that control groups grant this process: the least quota of its own group and of those above it, in
// version 2 and version 1; nothing where none limits it. `system` is the folder that has proc/ and sys/.
std::optional<double> cpu_quota(const std::filesystem::path& system);

}  // namespace fluxmlx
