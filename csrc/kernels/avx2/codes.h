#pragma once

#include <immintrin.h>

#include <cstring>

#include "quant/body/block.h"

// Sixteen small integers in a register, and their way to floats: the shared parts of the recipes for each type.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline __m128i load_codes(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

inline __m128i low_nibbles(__m128i bytes) { return _mm_and_si128(bytes, _mm_set1_epi8(15)); }
inline __m128i high_nibbles(__m128i bytes) { return low_nibbles(_mm_srli_epi16(bytes, 4)); }

// (byte >> shift) & mask in each byte; the mask drops the bits that come in from the neighbour.
inline __m128i bit_field(__m128i bytes, int shift, int mask) {
  return _mm_and_si128(_mm_srl_epi16(bytes, _mm_cvtsi32_si128(shift)), _mm_set1_epi8(static_cast<char>(mask)));
}

// `value` in byte i where bit i of `bits` is set, else 0.
inline __m128i spread_bits(uint32_t bits, int value) {
  const __m128i twice = _mm_shuffle_epi8(_mm_cvtsi32_si128(static_cast<int>(bits)),
                                         _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const __m128i each = _mm_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  const __m128i is_set = _mm_cmpeq_epi8(_mm_and_si128(twice, each), each);
  return _mm_and_si128(is_set, _mm_set1_epi8(static_cast<char>(value)));
}

inline __m256 half_everywhere(const uint8_t* p) {
  return _mm256_cvtph_ps(_mm_set1_epi16(static_cast<int16_t>(quant::FLUXMLX_ISA::load_u16(p))));
}

// Eight bytes as 32-bit numbers, straight from memory.
inline __m256i eight_unsigned(const uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline __m256i eight_signed(const uint8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}

// Both nibbles of eight bytes.
struct Nibbles {
  __m256i low, high;
};
inline Nibbles eight_nibbles(const uint8_t* p) {
  const __m256i v = eight_unsigned(p);
  return {_mm256_and_si256(v, _mm256_set1_epi32(15)), _mm256_srli_epi32(v, 4)};
}

inline void store_product(__m256i codes, __m256 scale, float* y) {
  _mm256_storeu_ps(y, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(codes)));
}

inline __m256 first_unsigned(__m128i codes) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(codes)); }
inline __m256 last_unsigned(__m128i codes) { return first_unsigned(_mm_unpackhi_epi64(codes, codes)); }
inline __m256 first_signed(__m128i codes) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes)); }
inline __m256 last_signed(__m128i codes) { return first_signed(_mm_unpackhi_epi64(codes, codes)); }

// y = scale * code of 16 signed codes
inline void store_scaled(__m128i codes, __m256 scale, float* y) {
  _mm256_storeu_ps(y, _mm256_mul_ps(scale, first_signed(codes)));
  _mm256_storeu_ps(y + 8, _mm256_mul_ps(scale, last_signed(codes)));
}

// y = scale * code + offset of 16 unsigned codes, each step rounded
inline void store_shifted(__m128i codes, __m256 scale, __m256 offset, float* y) {
  _mm256_storeu_ps(y, _mm256_add_ps(_mm256_mul_ps(scale, first_unsigned(codes)), offset));
  _mm256_storeu_ps(y + 8, _mm256_add_ps(_mm256_mul_ps(scale, last_unsigned(codes)), offset));
}

// y = scale * code - offset
inline void store_lowered(__m128i codes, __m256 scale, __m256 offset, float* y) {
  _mm256_storeu_ps(y, _mm256_sub_ps(_mm256_mul_ps(scale, first_unsigned(codes)), offset));
  _mm256_storeu_ps(y + 8, _mm256_sub_ps(_mm256_mul_ps(scale, last_unsigned(codes)), offset));
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
