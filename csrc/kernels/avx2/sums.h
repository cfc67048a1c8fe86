#pragma once

#include <bit>

#include "kernels/avx2/ints.h"

// Sums of eight rows and G tokens, a register for each token, however their products are made;
// kernels/scalar/products.h says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

template <int G>
struct Lanes {
  using Int = I8;
  using Float = F8;
  static constexpr int kVectors = G;
};

template <int G>
struct Sums {
  I8 v[G];
};

inline __m256i broadcast_four(const void* p) {
  int four;
  std::memcpy(&four, p, sizeof four);
  return _mm256_set1_epi32(four);
}

template <int kMultiple, int G>
inline void add_eighths(Sums<G>& sums, const int32_t (&x)[G]) {
  constexpr int shift = std::countr_zero(static_cast<unsigned>(kMultiple)) - 3;
  for (int t = 0; t < G; ++t) {
    sums.v[t] = add(sums.v[t], I8{_mm256_slli_epi32(broadcast_four(&x[t]), shift)});
  }
}

template <int kShift, int G>
inline void sub_shifted(Sums<G>& sums, const Sums<G>& b) {
  for (int t = 0; t < G; ++t) sums.v[t] = sub(sums.v[t], I8{_mm256_slli_epi32(b.v[t].v, kShift)});
}

template <int G>
inline F8 for_tokens(F8 a) {
  return a;
}
template <int G>
inline F8 token_values(const float (&x)[G], int i) {
  return broadcast(x[i]);
}
template <int G>
inline void store_tokens(float* out, int i, F8 a) {
  store(out + 8 * i, a);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
