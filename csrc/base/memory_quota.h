#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace fluxmlx {

// Bytes that control groups still leave this process: the least of its own group and of those above it, in version 2
// and version 1; nothing where none limits it. What a group has of files in its memory counts as left: the system drops
// it when something else is wanted. `system` is the folder that has proc/ and sys/.
std::optional<uint64_t> memory_quota(const std::filesystem::path& system);

}  // namespace fluxmlx
