#pragma once

#include <cstdint>

namespace fluxmlx {

// Bytes that this process may still take: what the system calls available, or what the cgroup leaves if that is less.
uint64_t available_memory() noexcept;

}  // namespace fluxmlx
