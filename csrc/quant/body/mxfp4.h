#pragma once

#include "quant/body/block.h"

namespace fluxmlx::quant::FLUXMLX_ISA {

// The 16 values of e2m1, doubled; code 8 is a plain zero.
inline constexpr float kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// Half of 2^(exponent - 127), exact down to the subnormals (OCP Microscaling Formats 1.0, E8M0).
inline float half_of_e8m0(uint8_t exponent) noexcept {
  return as_float(exponent < 2 ? 0x00200000u << exponent : static_cast<uint32_t>(exponent - 1) << 23);
}

// {exponent, nibbles[16]}: 32 weights, low nibbles first
inline void dequantize_mxfp4(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 17) {
    const float d = half_of_e8m0(block[0]);
    for (int i = 0; i < 16; ++i) {
      out[begin + i] = d * kMxfp4Values[block[1 + i] & 15];
      out[begin + 16 + i] = d * kMxfp4Values[block[1 + i] >> 4];
    }
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
