#pragma once

#include "quant/body/mxfp4.h"

namespace fluxmlx::quant::FLUXMLX_ISA {

// Half of an unsigned E4M3 number: 7 is the exponent's bias, the sign is ignored, 0x7f is zero.
inline float half_of_ue4m3(uint8_t bits) noexcept {
  return bits == 0x7f ? 0.0f : as_float(static_cast<uint32_t>(bits & 0x7f) << 20) * 0x1p119f;
}

// {scales[4], nibbles[32]}: 64 weights in groups of 16, low nibbles of the 8 bytes of a group first
inline void dequantize_nvfp4(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 64, block += 36) {
    for (int group = 0; group < 4; ++group) {
      const float d = half_of_ue4m3(block[group]);
      const uint8_t* codes = block + 4 + 8 * group;
      float* y = out + begin + 16 * group;
      for (int i = 0; i < 8; ++i) {
        y[i] = d * kMxfp4Values[codes[i] & 15];
        y[8 + i] = d * kMxfp4Values[codes[i] >> 4];
      }
    }
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
