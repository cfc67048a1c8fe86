#pragma once

#include <utility>

#include "base/mlx_type.h"
#include "quant/body/nvfp4.h"

// Blocks of what MLX quantised; base/mlx_type.h says how they lie.
namespace fluxmlx::quant::FLUXMLX_ISA {

// Code number i of a stream of bits with the lowest first; one of 3, 5 or 6 bits may lie in two bytes.
template <int kBits>
inline uint32_t stream_code(const uint8_t* codes, int i) noexcept {
  const int bit = i * kBits, shift = bit % 8;
  uint32_t bits = static_cast<uint32_t>(codes[bit / 8]) >> shift;
  if (shift + kBits > 8) bits |= static_cast<uint32_t>(codes[bit / 8 + 1]) << (8 - shift);
  return bits & ((1u << kBits) - 1);
}

template <TensorType kScale>
inline float load_number(const uint8_t* p) noexcept {
  if constexpr (kScale == TensorType::F32) return as_float(load_u32(p));
  if constexpr (kScale == TensorType::F16) return load_half(p);
  return as_float(static_cast<uint32_t>(load_u16(p)) << 16);
}

// {scale, bias, codes}: w = scale * q + bias
template <int kBits, TensorType kScale>
inline void dequantize_affine(const std::byte* blocks, int64_t n, int group_size, float* __restrict out) noexcept {
  constexpr int number_bytes = kScale == TensorType::F32 ? 4 : 2;
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += group_size, block += 2 * number_bytes + group_size * kBits / 8) {
    const float scale = load_number<kScale>(block), bias = load_number<kScale>(block + number_bytes);
    const uint8_t* codes = block + 2 * number_bytes;
    for (int i = 0; i < group_size; ++i) {
      out[begin + i] = scale * static_cast<float>(stream_code<kBits>(codes, i)) + bias;
    }
  }
}

template <uint32_t kIndex>
inline void dequantize_affine_type(const std::byte* blocks, int64_t n, float* out) noexcept {
  constexpr int group_size = kAffineGroups[kIndex / 3 % 3];
  dequantize_affine<kAffineBits[kIndex / 9], kAffineScales[kIndex % 3]>(blocks, n, group_size, out);
}

// {exponent, nibbles[16]}: 32 weights, pairs of neighbours in a byte
inline void dequantize_mlx_mxfp4(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 17) {
    const float d = half_of_e8m0(block[0]);
    for (int i = 0; i < 32; ++i) out[begin + i] = d * kMxfp4Values[stream_code<4>(block + 1, i)];
  }
}

// An E4M3 number, whose largest exponent has one NaN of each sign and no infinity.
inline float e4m3_to_float(uint8_t bits) noexcept {
  const float size =
      (bits & 0x7f) == 0x7f ? __builtin_nanf("") : as_float(static_cast<uint32_t>(bits & 0x7f) << 20) * 0x1p120f;
  return (bits & 0x80) != 0 ? -size : size;
}

// 2^(exponent - 127), but infinity for 255.
inline float e8m0_to_float(uint8_t exponent) noexcept {
  return as_float(exponent == 0 ? 0x00400000u : static_cast<uint32_t>(exponent) << 23);
}

// {exponent, numbers[32]}: 32 weights, E4M3 each
inline void dequantize_mlx_mxfp8(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 32, block += 33) {
    const float d = e8m0_to_float(block[0]);
    for (int i = 0; i < 32; ++i) out[begin + i] = d * e4m3_to_float(block[1 + i]);
  }
}

// {scales[4], nibbles[32]}: 64 weights in groups of 16, pairs of neighbours in a byte; scales have signs
inline void dequantize_mlx_nvfp4(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  for (int64_t begin = 0; begin < n; begin += 64, block += 36) {
    for (int i = 0; i < 64; ++i) {
      const float half = 0.5f * e4m3_to_float(block[i / 16]);
      out[begin + i] = half * kMxfp4Values[stream_code<4>(block + 4, i)];
    }
  }
}

using DequantizeBody = void (*)(const std::byte* blocks, int64_t n_weights, float* out) noexcept;

template <uint32_t... kIndex>
inline DequantizeBody affine_body(uint32_t index, std::integer_sequence<uint32_t, kIndex...>) noexcept {
  static constexpr DequantizeBody bodies[] = {dequantize_affine_type<kIndex>...};
  return bodies[index];
}

// nullptr for a type that is not MLX's.
inline DequantizeBody find_mlx_body(TensorType type) noexcept {
  const uint32_t index = static_cast<uint32_t>(type) - kFirstMlxType;
  if (index < kAffineTypes) return affine_body(index, std::make_integer_sequence<uint32_t, kAffineTypes>{});
  if (index == kAffineTypes) return dequantize_mlx_mxfp4;
  if (index == kAffineTypes + 1) return dequantize_mlx_mxfp8;
  return index == kAffineTypes + 2 ? dequantize_mlx_nvfp4 : nullptr;
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
