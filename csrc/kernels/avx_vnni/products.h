#pragma once

#include "kernels/avx2/sums.h"

// Products in 32 bits, which nothing saturates, in the sixteen registers of AVX2 (AVX-VNNI); kernels/scalar/products.h
// says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kGroup = 4;
inline constexpr int kChains = 2;

// sum + codes . x: four bytes or two halves in each lane. AVX-512 has the same instructions, for tests without
// AVX-VNNI.
#if FLUXMLX_AVX_VNNI_BY_AVX512
inline I8 add_bytes(I8 sum, __m256i codes, __m256i x) { return {_mm256_dpbusd_epi32(sum.v, codes, x)}; }
inline I8 add_halves(I8 sum, __m256i codes, __m256i x) { return {_mm256_dpwssd_epi32(sum.v, codes, x)}; }
#else
inline I8 add_bytes(I8 sum, __m256i codes, __m256i x) { return {_mm256_dpbusd_avx_epi32(sum.v, codes, x)}; }
inline I8 add_halves(I8 sum, __m256i codes, __m256i x) { return {_mm256_dpwssd_avx_epi32(sum.v, codes, x)}; }
#endif

template <int kBits, int G>
using Dots = Sums<G>;
template <int kBits>
inline constexpr int kMostProducts = 256;

template <int kBits>
inline constexpr int kTakenOff = 0;

template <int kBits>
inline B32 look_up_codes(B32 nibbles, const uint8_t (&table)[16]) {
  return look_up(nibbles, table);
}

struct Scale {
  __m256i v;
};
inline Scale first_of_pairs(Pairs a) { return {_mm256_srai_epi32(_mm256_slli_epi32(a.v, 16), 16)}; }
inline Scale second_of_pairs(Pairs a) { return {_mm256_srai_epi32(a.v, 16)}; }

template <int G>
inline void add_products(Sums<G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  for (int t = 0; t < G; ++t) dots.v[t] = add_bytes(dots.v[t], codes.v, broadcast_four(x[t]));
}
template <int G>
inline void add_total(Sums<G>& sums, const Sums<G>& dots) {
  for (int t = 0; t < G; ++t) sums.v[t] = add(sums.v[t], dots.v[t]);
}
template <int G>
inline void add_scaled(Sums<G>& sums, const Sums<G>& dots, Scale scale) {
  for (int t = 0; t < G; ++t) sums.v[t] = add(sums.v[t], I8{_mm256_mullo_epi32(dots.v[t].v, scale.v)});
}
template <int G>
inline void add_multiples(Sums<G>& sums, Pairs a, const int16_t (&x)[G][2]) {
  for (int t = 0; t < G; ++t) sums.v[t] = add_halves(sums.v[t], a.v, broadcast_four(x[t]));
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
