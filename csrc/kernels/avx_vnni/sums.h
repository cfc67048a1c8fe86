#pragma once

// Products in 32 bits, which nothing saturates (VNNI), over registers for one token and for two;
// kernels/scalar/products.h says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kChains = 2;

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
  const auto all = for_tokens<G>(codes.v);
  for (int i = 0; i < Lanes<G>::kVectors; ++i) dots.v[i] = add_bytes(dots.v[i], all, token_bytes<G>(x, i));
}
template <int G>
inline void add_total(Sums<G>& sums, const Sums<G>& dots) {
  for (int i = 0; i < Lanes<G>::kVectors; ++i) sums.v[i] = add(sums.v[i], dots.v[i]);
}
template <int G>
inline void add_scaled(Sums<G>& sums, const Sums<G>& dots, Scale scale) {
  const auto all = for_tokens<G>(scale.v);
  for (int i = 0; i < Lanes<G>::kVectors; ++i) sums.v[i] = add(sums.v[i], multiply(dots.v[i], all));
}
template <int G>
inline void add_multiples(Sums<G>& sums, Pairs a, const int16_t (&x)[G][2]) {
  const auto all = for_tokens<G>(a.v);
  for (int i = 0; i < Lanes<G>::kVectors; ++i) sums.v[i] = add_halves(sums.v[i], all, token_bytes<G>(x, i));
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
