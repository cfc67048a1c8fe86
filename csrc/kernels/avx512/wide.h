#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/avx2/vec.h"

// Sixteen float lanes in one register; kernels/body/wide.h says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct F16 {
  __m512 v;
};

template <class V>
inline V broadcast_as(float x) {
  if constexpr (sizeof(V) == sizeof(F16)) {
    return {_mm512_set1_ps(x)};
  } else {
    return broadcast(x);
  }
}

inline F16 load_16(const float* p) { return {_mm512_loadu_ps(p)}; }
inline F16 load_half_16(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline F16 load_first_bfloats_16(const uint32_t* p) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16))};
}
inline F16 load_second_bfloats_16(const uint32_t* p) {
  const __m512i second = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  return {_mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), second))};
}
inline F16 load_codes_16(const int8_t* p) {
  const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes))};
}
inline void store(float* p, F16 a) { _mm512_storeu_ps(p, a.v); }

inline F16 add(F16 a, F16 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline F16 sub(F16 a, F16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline F16 mul(F16 a, F16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline F16 max(F16 a, F16 b) { return {_mm512_max_ps(a.v, b.v)}; }
inline F16 min(F16 a, F16 b) { return {_mm512_min_ps(a.v, b.v)}; }
inline F16 fma(F16 a, F16 b, F16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline F16 fma_flushed(F16 a, F16 b, F16 c) { return fma(a, b, c); }
inline F16 zero_below(F16 x, F16 limit, F16 a) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, limit.v, _CMP_NLT_UQ), a.v)};
}
inline F16 power_of_two(F16 shifted) {
  const __m512i bits = _mm512_slli_epi32(_mm512_castps_si512(shifted.v), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(bits, _mm512_set1_epi32(0x3f800000)))};
}

inline F8 low_half(F16 a) { return {_mm512_castps512_ps256(a.v)}; }
inline F8 high_half(F16 a) { return {_mm512_extractf32x8_ps(a.v, 1)}; }
inline float reduce_add(F16 a) { return reduce_add(add(low_half(a), high_half(a))); }
inline float reduce_max(F16 a) { return reduce_max(max(low_half(a), high_half(a))); }

inline constexpr int kMostQueries = 6;

constexpr int groups_at_once(int) { return 4; }

inline constexpr int kFloatGroup = 12;

constexpr int vectors_at_once(int) { return 2; }

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
