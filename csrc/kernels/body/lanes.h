#pragma once

#include <cstdint>

// Where an I8 or F8 holds a number for each of eight rows of one token: everywhere but in avx512/products.h, where two
// tokens share a register.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// The vectors that hold a number for each of eight rows and G tokens.
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

// The same for all tokens; and vector i of a number for each token.
template <int G>
inline F8 for_tokens(const F8& a) {
  return a;
}
template <int G>
inline I8 token_values(const int32_t (&x)[G], int i) {
  return broadcast_int(x[i]);
}
template <int G>
inline F8 token_values(const float (&x)[G], int i) {
  return broadcast(x[i]);
}

// Vector i of (tokens, rows)
template <int G>
inline void store_tokens(float* out, int i, const F8& a) {
  store(out + 8 * i, a);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
