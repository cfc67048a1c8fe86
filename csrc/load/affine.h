#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/tensor_type.h"

namespace fluxmlx::load {

// MLX's affine form: weight = scale * code + bias, one scale and bias for each group of 32 weights.
constexpr int kGroupSize = 32;

struct AffinePlan {
  int bits;
  bool exact;  // the file's own codes; else the nearest of 256 levels per group to the dequantised values
};

// How a block-quantised type is held in that form.
AffinePlan affine_plan(TensorType type) noexcept;

// One row of n weights -> n codes below 2^bits, n / 32 scales and biases.
void to_affine(TensorType type, const std::byte* row, int64_t n, uint8_t* codes, float* scales, float* biases);

// Codes as MLX stores them: one little-endian stream of bits.
void pack_codes(const uint8_t* codes, int64_t n, int bits, uint8_t* packed);

// MXFP4 blocks -> MLX's mode of that name: nibbles in element order, one exponent byte a group.
void to_mxfp4(const std::byte* row, int64_t n, uint8_t* packed, uint8_t* exponents);

// NVFP4 blocks -> MLX's mode of that name, a scale byte for 16 weights. Throws for a scale that E4M3 does not have.
void to_nvfp4(const std::byte* row, int64_t n, uint8_t* packed, uint8_t* scales);

}  // namespace fluxmlx::load
