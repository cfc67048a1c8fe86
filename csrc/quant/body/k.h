#pragma once

#include "quant/body/block.h"

// Super-blocks of 256 weights: a half-precision scale (and offset) for all, small integer scales per group of
// 16 or 32. The scale of a group is rounded to float before it meets the code: w = (d * scale) * q - (dmin * min).
namespace fluxmlx::quant::FLUXMLX_ISA {

// {scales[16], crumbs[64], d, dmin}: groups of 16, scale in the low nibble, min in the high one
inline void dequantize_q2_k(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 256, block += 84) {
    const float d = load_half(block + 80);
    const float dmin = load_half(block + 82);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(block[group] & 15);
      const float offset = dmin * static_cast<float>(block[group] >> 4);
      const uint8_t* codes = block + 16 + (group / 8) * 32 + (group % 2) * 16;
      const int shift = group % 8 / 2 * 2;
      float* y = out + begin + group * 16;
      for (int i = 0; i < 16; ++i) y[i] = scale * static_cast<float>((codes[i] >> shift) & 3) - offset;
    }
  }
}

// The 6-bit scale of a group of Q3_K: low nibbles in bytes 0..7, high pairs of bits in bytes 8..11.
inline int q3_k_scale(const uint8_t* scales, int group) noexcept {
  const int low = (scales[group % 8] >> (group / 8 * 4)) & 15;
  const int high = (scales[8 + group % 4] >> (group / 4 * 2)) & 3;
  return (low | (high << 4)) - 32;
}

// {high bits[32], crumbs[64], scales[12], d}: a clear high bit takes 4 away
inline void dequantize_q3_k(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 256, block += 110) {
    const float d = load_half(block + 108);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(q3_k_scale(block + 96, group));
      const uint8_t* codes = block + 32 + (group / 8) * 32 + (group % 2) * 16;
      const uint8_t* high = block + (group % 2) * 16;
      const int shift = group % 8 / 2 * 2;
      const int bit = group / 2;
      float* y = out + begin + group * 16;
      for (int i = 0; i < 16; ++i) {
        const int q = ((codes[i] >> shift) & 3) + (((high[i] >> bit) & 1) << 2) - 4;
        y[i] = scale * static_cast<float>(q);
      }
    }
  }
}

struct ScaleMin {
  int scale, min;
};

// The 6-bit scale and min of a group of Q4_K and Q5_K, packed in 12 bytes.
inline ScaleMin q4_k_scale_min(const uint8_t* scales, int group) noexcept {
  if (group < 4) return {scales[group] & 63, scales[4 + group] & 63};
  const int low = scales[4 + group];
  return {(low & 15) | ((scales[group - 4] >> 2) & 48), (low >> 4) | ((scales[group] >> 2) & 48)};
}

// {d, dmin, scales[12], nibbles[128]}: groups of 32; 32 bytes hold two groups
inline void dequantize_q4_k(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 256, block += 144) {
    const float d = load_half(block);
    const float dmin = load_half(block + 2);
    for (int group = 0; group < 8; ++group) {
      const ScaleMin packed = q4_k_scale_min(block + 4, group);
      const float scale = d * static_cast<float>(packed.scale);
      const float offset = dmin * static_cast<float>(packed.min);
      const uint8_t* codes = block + 16 + group / 2 * 32;
      const int shift = group % 2 * 4;
      float* y = out + begin + group * 32;
      for (int i = 0; i < 32; ++i) y[i] = scale * static_cast<float>((codes[i] >> shift) & 15) - offset;
    }
  }
}

// {d, dmin, scales[12], fifth bits[32], nibbles[128]}: bit g of byte i belongs to weight i of group g
inline void dequantize_q5_k(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 256, block += 176) {
    const float d = load_half(block);
    const float dmin = load_half(block + 2);
    for (int group = 0; group < 8; ++group) {
      const ScaleMin packed = q4_k_scale_min(block + 4, group);
      const float scale = d * static_cast<float>(packed.scale);
      const float offset = dmin * static_cast<float>(packed.min);
      const uint8_t* high = block + 16;
      const uint8_t* codes = block + 48 + group / 2 * 32;
      const int shift = group % 2 * 4;
      float* y = out + begin + group * 32;
      for (int i = 0; i < 32; ++i) {
        const int q = ((codes[i] >> shift) & 15) | (((high[i] >> group) & 1) << 4);
        y[i] = scale * static_cast<float>(q) - offset;
      }
    }
  }
}

// {nibbles[128], high crumbs[64], signed scales[16], d}: groups of 16, w = (d * scale) * (q - 32)
inline void dequantize_q6_k(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 256, block += 210) {
    const float d = load_half(block + 208);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(static_cast<int8_t>(block[192 + group]));
      const int half = group / 8;
      const int part = group % 8 / 2;
      const int odd = group % 2 * 16;
      const uint8_t* low = block + half * 64 + part % 2 * 32 + odd;
      const uint8_t* high = block + 128 + half * 32 + odd;
      const int low_shift = part / 2 * 4;
      const int high_shift = part * 2;
      float* y = out + begin + group * 16;
      for (int i = 0; i < 16; ++i) {
        const int q = ((low[i] >> low_shift) & 15) | (((high[i] >> high_shift) & 3) << 4);
        y[i] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
