#pragma once

#include <cstdint>

namespace fluxmlx {

// Bytes that this process may still take: what the system calls available, or what its control groups leave if that is
// less.
uint64_t available_memory();

// Throws std::bad_alloc where the system refuses so many bytes at once. For the calls of MLX that allocate: on CPUs
// they write to what malloc gave without a look at it.
void probe_memory(uint64_t n_bytes);

// Gives memory that was freed back to the system, where the C library keeps it by itself.
void release_memory() noexcept;

}  // namespace fluxmlx
