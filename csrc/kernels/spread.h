#pragma once

#include <cstdint>

#include "base/mlx_type.h"

// One block of one row with its fields in the order of the packed layout and its small scales as whole bytes; gather
// is the inverse of spread, but for types that has_levels() names.
namespace fluxmlx::kernels {

inline constexpr int kMostSpreadBytes = 320;

void spread(TensorType type, const uint8_t* block, uint8_t* fields);
void gather(TensorType type, const uint8_t* fields, uint8_t* block);

// Of MLX's types; codes take 4 or 8 bits in the fields.
void spread_mlx(const MlxType& type, const uint8_t* block, uint8_t* fields);
void gather_mlx(const MlxType& type, const uint8_t* fields, uint8_t* block);

}  // namespace fluxmlx::kernels
