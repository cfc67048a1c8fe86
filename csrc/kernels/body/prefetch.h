#pragma once

#include <cstddef>
#include <cstdint>

namespace fluxmlx::kernels::FLUXMLX_ISA {

// Asks for memory that will be read later, to the first cache or (kLocality 2) the second; an address behind the end
// is allowed.
template <int kLocality = 3>
inline void prefetch(const std::byte* data, int64_t offset, int64_t n) {
  const auto begin = reinterpret_cast<uintptr_t>(data) + static_cast<uintptr_t>(offset);
  for (int64_t i = 0; i < n; i += 64)
    __builtin_prefetch(reinterpret_cast<const void*>(begin + static_cast<uintptr_t>(i)), 0, kLocality);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
