#pragma once

#include <cstddef>
#include <cstdint>

#include "base/tensor_type.h"

namespace fluxmlx::load {

// Bits that the numbers of an IQ or TQ type take as codes of an affine group of 32, exactly; 0 where such a group has
// two scales or too many numbers.
int affine_level_bits(TensorType type) noexcept;

// One row of n weights of such a type -> n codes, n / 32 scales and biases, all of them exact.
void levels_to_affine(TensorType type, const std::byte* row, int64_t n, uint8_t* codes, float* scales, float* biases);

}  // namespace fluxmlx::load
