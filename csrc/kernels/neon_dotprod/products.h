#pragma once

#include "kernels/neon/codes.h"
#include "kernels/neon/tokens.h"

// Products of four bytes in 32 bits by one instruction, which takes the activations of one token out of a register
// that holds those of four; kernels/scalar/products.h says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kGroup = 8;
inline constexpr int kChains = 2;

template <int kBits, int G>
struct Dots {
  I8 v[G];
};

template <int kBits>
inline constexpr int kMostProducts = 256;

// sum + codes . x of token kToken of a register
template <int kToken>
inline int32x4_t add_four(int32x4_t sum, int8x16_t codes, uint8x16_t x) {
  return vdotq_laneq_s32(sum, codes, vreinterpretq_s8_u8(x), kToken);
}
template <int kToken>
inline int32x4_t add_four(int32x4_t sum, int8x16_t codes, uint8x8_t x) {
  return vdotq_lane_s32(sum, codes, vreinterpret_s8_u8(x), kToken);
}

template <int kBits, int G>
inline void add_products(Dots<kBits, G>& dots, const SignedCodes& codes, const int8_t (&x)[G][4]) {
  const Tokens<G> tokens = load_tokens<G>(x);
  for_each_index<G>([&](auto t) __attribute__((always_inline)) {
    I8& sum = dots.v[t];
    sum.low = add_four<t % 4>(sum.low, codes.low, tokens.v[t / 4]);
    sum.high = add_four<t % 4>(sum.high, codes.high, tokens.v[t / 4]);
  });
}
template <int kBits, int G>
inline void add_products(Dots<kBits, G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  add_products(dots, as_signed<kBits>(codes), x);
}

template <int kBits, int G>
inline I8 rows_of(const Dots<kBits, G>& dots, int t) {
  return dots.v[t];
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA

// What is made of the sums of products.
#include "kernels/neon/sums.h"
