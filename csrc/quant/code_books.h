#pragma once

#include <array>
#include <cstdint>

// The code books of the IQ types: a code names a group of small numbers, one in each byte, the first in the lowest.
// Books ascend, so each is kept as the set of its groups.
namespace fluxmlx::quant {

extern const std::array<uint64_t, 256> kIq2XxsBook;  // eight of 8, 25, 43
extern const std::array<uint64_t, 512> kIq2XsBook;
extern const std::array<uint64_t, 1024> kIq2SBook;
extern const std::array<uint64_t, 2048> kIq1Book;    // eight of 0, 1, 2
extern const std::array<uint32_t, 256> kIq3XxsBook;  // four of 4, 12, 20, 28, 36, 44, 52, 62
extern const std::array<uint32_t, 512> kIq3SBook;    // four of 1, 3, 5 ... 15

}  // namespace fluxmlx::quant
