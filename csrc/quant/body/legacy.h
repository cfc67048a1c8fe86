#pragma once

#include "quant/body/block.h"

// Blocks of 32 weights with one half-precision scale d, and in the _1 types an offset m: w = d * q (+ m).
// The low nibbles are the first 16 weights, the high nibbles the last 16.
namespace fluxmlx::quant::FLUXMLX_ISA {

// {d, nibbles[16]}: w = d * (q - 8)
inline void dequantize_q4_0(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 18) {
    const float d = load_half(block);
    for (int i = 0; i < 16; ++i) out[begin + i] = d * static_cast<float>((block[2 + i] & 15) - 8);
    for (int i = 0; i < 16; ++i) out[begin + 16 + i] = d * static_cast<float>((block[2 + i] >> 4) - 8);
  }
}

// {d, m, nibbles[16]}: w = d * q + m
inline void dequantize_q4_1(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 20) {
    const float d = load_half(block);
    const float m = load_half(block + 2);
    for (int i = 0; i < 16; ++i) out[begin + i] = d * static_cast<float>(block[4 + i] & 15) + m;
    for (int i = 0; i < 16; ++i) out[begin + 16 + i] = d * static_cast<float>(block[4 + i] >> 4) + m;
  }
}

// The fifth bits of 32 weights, as 16 in place: bit i of `high` belongs to weight i.
inline int fifth_bit(uint32_t high, int i) noexcept { return static_cast<int>((high >> i) & 1u) << 4; }

// {d, fifth bits[4], nibbles[16]}: w = d * (q - 16)
inline void dequantize_q5_0(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 22) {
    const float d = load_half(block);
    const uint32_t high = load_u32(block + 2);
    const uint8_t* low = block + 6;
    for (int i = 0; i < 16; ++i) out[begin + i] = d * static_cast<float>(((low[i] & 15) | fifth_bit(high, i)) - 16);
    for (int i = 0; i < 16; ++i)
      out[begin + 16 + i] = d * static_cast<float>(((low[i] >> 4) | fifth_bit(high, 16 + i)) - 16);
  }
}

// {d, m, fifth bits[4], nibbles[16]}: w = d * q + m
inline void dequantize_q5_1(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 24) {
    const float d = load_half(block);
    const float m = load_half(block + 2);
    const uint32_t high = load_u32(block + 4);
    const uint8_t* low = block + 8;
    for (int i = 0; i < 16; ++i) out[begin + i] = d * static_cast<float>((low[i] & 15) | fifth_bit(high, i)) + m;
    for (int i = 0; i < 16; ++i)
      out[begin + 16 + i] = d * static_cast<float>((low[i] >> 4) | fifth_bit(high, 16 + i)) + m;
  }
}

// {d, codes[32]}: w = d * q, q signed
inline void dequantize_q8_0(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 34) {
    const float d = load_half(block);
    for (int i = 0; i < 32; ++i) out[begin + i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * d;
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
