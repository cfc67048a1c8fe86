#pragma once

#include "kernels/kernels.h"

// How one key/value head of one layer lies in a cache block. Keys are in groups of 16 positions, (kBlockPositions / 16,
// head_dim, 16), values in groups of 16 dimensions, (head_dim / 16, kBlockPositions, 16). Both products of attention
// then walk through memory in one direction, and their sums stay in their lanes. q8_0 has a float16 scale for 32
// dimensions of a position: (head_dim / 32, 16) of them before each group of keys, (head_dim / 32, kBlockPositions)
// before all values.
namespace fluxmlx::kernels {

inline constexpr int kRowCells = 16;    // positions or dimensions
inline constexpr int kScaleCells = 32;  // dimensions that share a scale

// In bytes.
struct CacheLayout {
  int64_t cell;
  int64_t key_scales, value_scales;  // before the cells of each group, and before those of all values
  int64_t key_group;                 // of 16 positions
  int64_t keys, values;              // of a block
};

CacheLayout cache_layout(CacheType type, int64_t head_dim) noexcept;

}  // namespace fluxmlx::kernels
