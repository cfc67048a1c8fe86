#pragma once

#include <cstdint>

#include "base/tensor_type.h"

// One block of one row with its fields in the order of the packed layout and its small scales as whole bytes; gather
// is the inverse of spread.
namespace fluxmlx::kernels {

inline constexpr int kMostSpreadBytes = 320;

void spread(TensorType type, const uint8_t* block, uint8_t* fields);
void gather(TensorType type, const uint8_t* fields, uint8_t* block);

}  // namespace fluxmlx::kernels
