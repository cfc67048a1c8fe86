#pragma once

#include <array>
#include <cstdint>

namespace fluxmlx::sample {

// One block of Philox4x32-10: a counter and a key in, four independent words out, no state. From Salmon, Moraes, Dror,
// Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3" (SC11), section 3.3 and table 2.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) noexcept;

// A number in [0, 1), a multiple of 2^-53, that depends on its three arguments alone: not on the batch, the slot, or
// whether the request was preempted and run again.
double uniform(uint64_t seed, uint64_t position, uint32_t draw) noexcept;

}  // namespace fluxmlx::sample
