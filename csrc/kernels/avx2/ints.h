#pragma once

#include "kernels/avx2/vec.h"

// Small integers in one AVX2 register; kernels/scalar/ints.h says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct B32 {
  __m256i v;
};
struct I8 {
  __m256i v;
};
struct Pairs {
  __m256i v;
};

inline B32 load_bytes(const uint8_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
inline B32 low_nibbles(B32 a) { return {_mm256_and_si256(a.v, _mm256_set1_epi8(15))}; }
inline B32 high_nibbles(B32 a) { return low_nibbles(B32{_mm256_srli_epi16(a.v, 4)}); }

inline __m128i load_16(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
inline Pairs load_pairs(const uint8_t* p) { return {_mm256_cvtepu8_epi16(load_16(p))}; }
inline Pairs load_words(const uint8_t* p) { return {load_bytes(p).v}; }
inline Pairs load_signed_pairs(const uint8_t* p) { return {_mm256_cvtepi8_epi16(load_16(p))}; }
template <int kFirst, int kSecond>
inline Pairs equal_pairs() {
  return {_mm256_set1_epi32(static_cast<int>((kSecond & 0xffffu) << 16 | (kFirst & 0xffffu)))};
}
inline Pairs low_nibbles(Pairs a) { return {_mm256_and_si256(a.v, _mm256_set1_epi16(15))}; }
inline Pairs high_nibbles(Pairs a) { return {_mm256_srli_epi16(a.v, 4)}; }
inline Pairs odd(Pairs a) { return {_mm256_add_epi16(_mm256_add_epi16(a.v, a.v), _mm256_set1_epi16(1))}; }
template <int kByte>
inline B32 repeat_byte(B32 a) {
  constexpr int i = kByte;
  const __m128i order =
      _mm_setr_epi8(i, i, i, i, i + 4, i + 4, i + 4, i + 4, i + 8, i + 8, i + 8, i + 8, i + 12, i + 12, i + 12, i + 12);
  return {_mm256_shuffle_epi8(a.v, _mm256_broadcastsi128_si256(order))};
}
inline B32 either(B32 a, B32 b) { return {_mm256_or_si256(a.v, b.v)}; }
template <int kFrom, int kMask, int kTo>
inline B32 bit_field(B32 a) {
  constexpr int right = kFrom > kTo ? kFrom - kTo : 0, left = kTo > kFrom ? kTo - kFrom : 0;
  const __m256i moved = _mm256_slli_epi16(_mm256_srli_epi16(a.v, right), left);
  return {_mm256_and_si256(moved, _mm256_set1_epi8(static_cast<char>(kMask << kTo)))};
}
inline Pairs either(Pairs a, Pairs b) { return {_mm256_or_si256(a.v, b.v)}; }
template <int kFrom, int kMask, int kTo>
inline Pairs bit_field(Pairs a) {
  constexpr int right = kFrom > kTo ? kFrom - kTo : 0, left = kTo > kFrom ? kTo - kFrom : 0;
  const __m256i moved = _mm256_slli_epi16(_mm256_srli_epi16(a.v, right), left);
  return {_mm256_and_si256(moved, _mm256_set1_epi16(static_cast<int16_t>(kMask << kTo)))};
}

inline B32 look_up(B32 nibbles, const uint8_t (&table)[16]) {
  return {_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load_16(table)), nibbles.v)};
}

// Exponents below 2 are subnormal halves.
inline F8 load_half_powers(const uint8_t* p) {
  const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i tiny = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  return {_mm256_castsi256_ps(_mm256_blendv_epi8(normal, tiny, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e)))};
}

// As float16 with another exponent.
inline F8 load_half_ue4m3(const uint8_t* p) {
  const __m128i codes = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m128i is_zero = _mm_cmpeq_epi16(codes, _mm_set1_epi16(0x7f));
  const __m128i bits = _mm_slli_epi16(_mm_and_si128(codes, _mm_set1_epi16(0x7f)), 7);
  return {_mm256_mul_ps(_mm256_cvtph_ps(_mm_andnot_si128(is_zero, bits)), _mm256_set1_ps(0x1p7f))};
}

inline F8 load_half_e4m3(const uint8_t* p) {
  const __m128i codes = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m128i size = _mm_and_si128(codes, _mm_set1_epi16(0x7f));
  const __m128i is_nan = _mm_cmpeq_epi16(size, _mm_set1_epi16(0x7f));
  const __m128i finite = _mm_or_si128(_mm_slli_epi16(size, 7), _mm_slli_epi16(_mm_sub_epi16(codes, size), 8));
  const __m128i bits = _mm_or_si128(finite, _mm_and_si128(is_nan, _mm_set1_epi16(0x7e00)));
  return {_mm256_mul_ps(_mm256_cvtph_ps(bits), _mm256_set1_ps(0x1p7f))};
}

inline __m256i broadcast_four(const void* p) {
  int four;
  std::memcpy(&four, p, sizeof four);
  return _mm256_set1_epi32(four);
}

inline I8 sub(I8 a, I8 b) { return {_mm256_sub_epi32(a.v, b.v)}; }
inline I8 add(I8 a, I8 b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline I8 multiply(I8 a, I8 b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
inline I8 broadcast_int(int32_t x) { return {_mm256_set1_epi32(x)}; }
template <int kBits>
inline I8 shift_left(I8 a) {
  return {_mm256_slli_epi32(a.v, kBits)};
}
inline I8 max(I8 a, I8 b) { return {_mm256_max_epi32(a.v, b.v)}; }
inline F8 to_float(I8 a) { return {_mm256_cvtepi32_ps(a.v)}; }
inline I8 magnitude_bits(F8 a) { return {_mm256_castps_si256(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v))}; }
inline I8 round_to_int(F8 a) { return {_mm256_cvtps_epi32(a.v)}; }

inline int reduce_max(I8 a) {
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
inline void store_low_bytes(int8_t* p, I8 a, I8 b, I8 c, I8 d) {
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(a.v, b.v), _mm256_packs_epi32(c.v, d.v));
  const __m256i ordered = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), ordered);
}
// Each byte is raised by 128, and what that adds is taken off.
inline void sum_halves(const int8_t* p, int32_t (&sums)[2]) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i raised = _mm256_xor_si256(bytes, _mm256_set1_epi8(-128));
  const __m256i eights = _mm256_sad_epu8(raised, _mm256_setzero_si256());
  const __m256i sixteens = _mm256_add_epi32(eights, _mm256_unpackhi_epi64(eights, eights));
  sums[0] = _mm_cvtsi128_si32(_mm256_castsi256_si128(sixteens)) - 16 * 128;
  sums[1] = _mm_cvtsi128_si32(_mm256_extracti128_si256(sixteens, 1)) - 16 * 128;
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
