#pragma once

#include <immintrin.h>

#include <cstdint>

// Eight float lanes in one AVX2 register; kernels/scalar/vec.h says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct F8 {
  __m256 v;
};

inline F8 broadcast(float x) { return {_mm256_set1_ps(x)}; }
inline F8 load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline F8 load_first(const float* p, int n) { return {_mm256_maskload_ps(p, first_lanes(n))}; }
inline F8 load_half(const uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline F8 load_bfloat(const uint16_t* p) {
  const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(bits, 16))};
}
inline F8 load_first_bfloats(const uint32_t* p) {
  const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16))};
}
inline F8 load_second_bfloats(const uint32_t* p) {
  const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000u))))};
}
inline F8 load_codes(const int8_t* p) {
  const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes))};
}
inline void store(float* p, F8 a) { _mm256_storeu_ps(p, a.v); }
inline void store_first(float* p, F8 a, int n) { _mm256_maskstore_ps(p, first_lanes(n), a.v); }
inline void store_half(uint16_t* p, F8 a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT));
}

inline F8 add(F8 a, F8 b) { return {_mm256_add_ps(a.v, b.v)}; }
inline F8 sub(F8 a, F8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline F8 mul(F8 a, F8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline F8 div(F8 a, F8 b) { return {_mm256_div_ps(a.v, b.v)}; }
inline F8 square_root(F8 a) { return {_mm256_sqrt_ps(a.v)}; }
inline F8 fma(F8 a, F8 b, F8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline F8 fma_flushed(F8 a, F8 b, F8 c) { return fma(a, b, c); }
inline F8 add_flushed(F8 a, F8 b) { return add(a, b); }
inline unsigned flush_subnormals() {
  const unsigned mode = _mm_getcsr();
  _mm_setcsr(mode | _MM_FLUSH_ZERO_ON | 0x40);  // as results and as operands
  return mode;
}
inline void restore_mode(unsigned mode) { _mm_setcsr(mode); }
inline F8 negate(F8 a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
inline F8 max(F8 a, F8 b) { return {_mm256_max_ps(a.v, b.v)}; }
inline F8 min(F8 a, F8 b) { return {_mm256_min_ps(a.v, b.v)}; }
inline F8 rotate_pairs(F8 x, F8 turns) {
  const __m256 straight = _mm256_mul_ps(x.v, _mm256_moveldup_ps(turns.v));
  const __m256 crossed = _mm256_mul_ps(_mm256_permute_ps(x.v, 0xb1), _mm256_movehdup_ps(turns.v));
  return {_mm256_addsub_ps(straight, crossed)};
}
inline __m256 in_order(__m256 a) { return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(a), 0xd8)); }
inline F8 even_lanes(F8 a, F8 b) { return {in_order(_mm256_shuffle_ps(a.v, b.v, 0x88))}; }
inline F8 odd_lanes(F8 a, F8 b) { return {in_order(_mm256_shuffle_ps(a.v, b.v, 0xdd))}; }
inline F8 zero_below(F8 x, F8 limit, F8 a) { return {_mm256_andnot_ps(_mm256_cmp_ps(x.v, limit.v, _CMP_LT_OQ), a.v)}; }
inline F8 power_of_two(F8 shifted) {
  const __m256i bits = _mm256_slli_epi32(_mm256_castps_si256(shifted.v), 23);
  return {_mm256_castsi256_ps(_mm256_add_epi32(bits, _mm256_set1_epi32(0x3f800000)))};
}

inline __m128 add_halves(__m256 a) { return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)); }
inline float reduce_add(F8 a) {
  const __m256 pairs = _mm256_hadd_ps(a.v, a.v);
  return _mm_cvtss_f32(add_halves(_mm256_hadd_ps(pairs, pairs)));
}
inline void reduce_add4(F8 a, F8 b, F8 c, F8 d, float* out) {
  const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(a.v, b.v), _mm256_hadd_ps(c.v, d.v));
  _mm_storeu_ps(out, add_halves(pairs));
}
inline float reduce_max(F8 a) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
