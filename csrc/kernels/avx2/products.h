#pragma once

#include "kernels/avx2/ints.h"

// What is over its vectors.
#include "kernels/body/lanes.h"

// Products in AVX2 registers; kernels/scalar/products.h says what each function means. Products of bytes are added in
// 16 bits, as many as fit, before they are widened.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kGroup = 4;
inline constexpr int kChains = 1;

template <int kBits, int G>
struct Dots {
  __m256i v[G];
};

// Eight bits would saturate: their halves of four are multiplied apart.
template <int G>
struct Dots<8, G> {
  Dots<4, G> low, high;
};

struct Halves {
  B32 low, high;
};

// Codes of eight bits come in halves, each from a table of its own: to look up twice is cheaper than to cut.
template <int kBits>
inline auto look_up_codes(B32 nibbles, const uint8_t (&table)[16]) {
  if constexpr (kBits == 8) {
    const __m128i codes = load_16(table), mask = _mm_set1_epi8(15);
    const __m256i low = _mm256_broadcastsi128_si256(_mm_and_si128(codes, mask));
    const __m256i high = _mm256_broadcastsi128_si256(_mm_and_si128(_mm_srli_epi16(codes, 4), mask));
    return Halves{{_mm256_shuffle_epi8(low, nibbles.v)}, {_mm256_shuffle_epi8(high, nibbles.v)}};
  } else {
    return look_up(nibbles, table);
  }
}

template <int kBits>
inline constexpr int kMostProducts = kBits == 7   ? 1
                                     : kBits == 6 ? 2
                                     : kBits == 5 ? 4
                                                  : 8;

template <int kBits>
inline constexpr int kTakenOff = 0;

// In both halves of each row.
struct Scale {
  __m256i v;
};
inline Scale first_of_pairs(Pairs a) { return {_mm256_shufflehi_epi16(_mm256_shufflelo_epi16(a.v, 0xa0), 0xa0)}; }
inline Scale second_of_pairs(Pairs a) { return {_mm256_shufflehi_epi16(_mm256_shufflelo_epi16(a.v, 0xf5), 0xf5)}; }

template <int kBits, int G>
inline void add_products(Dots<kBits, G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  for (int t = 0; t < G; ++t) {
    dots.v[t] = _mm256_add_epi16(dots.v[t], _mm256_maddubs_epi16(codes.v, broadcast_four(x[t])));
  }
}
template <int G>
inline void add_products(Dots<8, G>& dots, const Halves& codes, const int8_t (&x)[G][4]) {
  for (int t = 0; t < G; ++t) {
    const __m256i four = broadcast_four(x[t]);
    dots.low.v[t] = _mm256_add_epi16(dots.low.v[t], _mm256_maddubs_epi16(codes.low.v, four));
    dots.high.v[t] = _mm256_add_epi16(dots.high.v[t], _mm256_maddubs_epi16(codes.high.v, four));
  }
}
template <int G>
inline void add_products(Dots<8, G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  add_products(dots, Halves{low_nibbles(codes), high_nibbles(codes)}, x);
}

template <int kBits, int G>
inline void add_scaled(Sums<G>& sums, const Dots<kBits, G>& dots, Scale scale) {
  for (int t = 0; t < G; ++t) sums.v[t] = add(sums.v[t], I8{_mm256_madd_epi16(dots.v[t], scale.v)});
}
template <int G>
inline void add_scaled(Sums<G>& sums, const Dots<8, G>& dots, Scale scale) {
  for (int t = 0; t < G; ++t) {
    const __m256i high = _mm256_slli_epi32(_mm256_madd_epi16(dots.high.v[t], scale.v), 4);
    sums.v[t] = add(sums.v[t], add(I8{_mm256_madd_epi16(dots.low.v[t], scale.v)}, I8{high}));
  }
}

template <int kBits, int G>
inline void add_total(Sums<G>& sums, const Dots<kBits, G>& dots) {
  add_scaled(sums, dots, Scale{_mm256_set1_epi16(1)});
}
template <int G>
inline void add_total(Sums<G>& sums, const Dots<8, G>& dots) {
  add_scaled(sums, dots.low, Scale{_mm256_set1_epi16(1)});
  add_scaled(sums, dots.high, Scale{_mm256_set1_epi16(16)});
}

template <int G>
inline void add_multiples(Sums<G>& sums, Pairs a, const int16_t (&x)[G][2]) {
  for (int t = 0; t < G; ++t) {
    sums.v[t] = add(sums.v[t], I8{_mm256_madd_epi16(a.v, broadcast_four(x[t]))});
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
