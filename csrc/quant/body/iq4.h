#pragma once

#include "quant/body/block.h"

namespace fluxmlx::quant::FLUXMLX_ISA {

// The 16 values of the non-linear 4-bit code.
inline constexpr float kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// 16 bytes: low nibbles are the first 16 weights, high nibbles the last.
inline void dequantize_iq4_group(const uint8_t* codes, float scale, float* __restrict y) noexcept {
  for (int i = 0; i < 16; ++i) {
    y[i] = scale * kIq4Values[codes[i] & 15];
    y[16 + i] = scale * kIq4Values[codes[i] >> 4];
  }
}

// {d, nibbles[16]}: 32 weights, w = d * value[q]
inline void dequantize_iq4_nl(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 18) {
    dequantize_iq4_group(block + 2, load_half(block), out + begin);
  }
}

// {d, high scale bits[2], low scale nibbles[4], nibbles[128]}: 256 weights, groups of 32 with a 6-bit scale less 32
inline void dequantize_iq4_xs(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 256, block += 136) {
    const float d = load_half(block);
    const int high = load_u16(block + 2);
    for (int group = 0; group < 8; ++group) {
      const int low = (block[4 + group / 2] >> (group % 2 * 4)) & 15;
      const int scale = (low | (((high >> (2 * group)) & 3) << 4)) - 32;
      dequantize_iq4_group(block + 8 + group * 16, d * static_cast<float>(scale), out + begin + group * 32);
    }
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
