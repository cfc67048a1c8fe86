#pragma once

#include "kernels/avx2/codes.h"
#include "quant/body/iq4.h"
#include "quant/body/mxfp4.h"

// Types with blocks of 32 weights; quant/body/ says what the blocks hold.
namespace fluxmlx::kernels::FLUXMLX_ISA {

using quant::FLUXMLX_ISA::bytes;

inline void dequantize_q4_0(const std::byte* blocks, int64_t n, float* y) {
  const __m256i eight = _mm256_set1_epi32(8);
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 18) {
    const __m256 d = half_everywhere(block);
    for (int i = 0; i < 16; i += 8) {
      const Nibbles codes = eight_nibbles(block + 2 + i);
      store_product(_mm256_sub_epi32(codes.low, eight), d, y + i);
      store_product(_mm256_sub_epi32(codes.high, eight), d, y + 16 + i);
    }
  }
}

inline void dequantize_q4_1(const std::byte* blocks, int64_t n, float* y) {
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 20) {
    const __m256 d = half_everywhere(block), m = half_everywhere(block + 2);
    for (int i = 0; i < 16; i += 8) {
      const Nibbles codes = eight_nibbles(block + 4 + i);
      _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_mul_ps(d, _mm256_cvtepi32_ps(codes.low)), m));
      _mm256_storeu_ps(y + 16 + i, _mm256_add_ps(_mm256_mul_ps(d, _mm256_cvtepi32_ps(codes.high)), m));
    }
  }
}

inline void dequantize_q5_0(const std::byte* blocks, int64_t n, float* y) {
  const __m128i sixteen = _mm_set1_epi8(16);
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 22) {
    const __m256 d = half_everywhere(block);
    const uint32_t high = quant::FLUXMLX_ISA::load_u32(block + 2);
    const __m128i codes = load_codes(block + 6);
    const __m128i first = _mm_or_si128(low_nibbles(codes), spread_bits(high, 16));
    const __m128i last = _mm_or_si128(high_nibbles(codes), spread_bits(high >> 16, 16));
    store_scaled(_mm_sub_epi8(first, sixteen), d, y);
    store_scaled(_mm_sub_epi8(last, sixteen), d, y + 16);
  }
}

inline void dequantize_q5_1(const std::byte* blocks, int64_t n, float* y) {
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 24) {
    const __m256 d = half_everywhere(block), m = half_everywhere(block + 2);
    const uint32_t high = quant::FLUXMLX_ISA::load_u32(block + 4);
    const __m128i codes = load_codes(block + 8);
    store_shifted(_mm_or_si128(low_nibbles(codes), spread_bits(high, 16)), d, m, y);
    store_shifted(_mm_or_si128(high_nibbles(codes), spread_bits(high >> 16, 16)), d, m, y + 16);
  }
}

inline void dequantize_q8_0(const std::byte* blocks, int64_t n, float* y) {
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 34) {
    const __m256 d = half_everywhere(block);
    for (int i = 0; i < 32; i += 8) store_product(eight_signed(block + 2 + i), d, y + i);
  }
}

// The values of a 4-bit code book, all of them small integers, as bytes.
inline __m128i code_book(const float* values) {
  alignas(16) int8_t book[16];
  for (int i = 0; i < 16; ++i) book[i] = static_cast<int8_t>(values[i]);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(book));
}

// 16 bytes of nibbles through a code book, 32 weights
inline void store_looked_up(__m128i codes, __m128i book, __m256 scale, float* y) {
  store_scaled(_mm_shuffle_epi8(book, low_nibbles(codes)), scale, y);
  store_scaled(_mm_shuffle_epi8(book, high_nibbles(codes)), scale, y + 16);
}

inline void dequantize_iq4_nl(const std::byte* blocks, int64_t n, float* y) {
  const __m128i book = code_book(quant::FLUXMLX_ISA::kIq4Values);
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 18) {
    store_looked_up(load_codes(block + 2), book, half_everywhere(block), y);
  }
}

inline void dequantize_mxfp4(const std::byte* blocks, int64_t n, float* y) {
  const __m128i book = code_book(quant::FLUXMLX_ISA::kMxfp4Values);
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 17) {
    store_looked_up(load_codes(block + 1), book, _mm256_set1_ps(quant::FLUXMLX_ISA::half_of_e8m0(block[0])), y);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
