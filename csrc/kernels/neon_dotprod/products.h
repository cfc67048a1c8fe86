#pragma once

#include "kernels/neon/ints.h"
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

// The instruction takes signed bytes. Codes of eight bits are multiplied less 128; x, a lane for each token, are the
// sums of the activations, by which that comes back.
template <int G>
struct Dots<8, G> {
  I8 v[G];
  int32x4_t x[(G + 3) / 4];
};

template <int kBits>
inline constexpr int kMostProducts = 256;

struct SignedCodes {
  int8x16_t low, high;
};
inline SignedCodes as_signed(B32 a) { return {vreinterpretq_s8_u8(a.low), vreinterpretq_s8_u8(a.high)}; }
inline uint8x16_t less_128(uint8x16_t a) { return veorq_u8(a, vdupq_n_u8(128)); }

template <int kBits>
inline auto look_up_codes(B32 nibbles, const uint8_t (&table)[16]) {
  if constexpr (kBits == 8) {
    const uint8x16_t values = less_128(vld1q_u8(table));
    return as_signed(each_half(nibbles, [=](uint8x16_t v) { return vqtbl1q_u8(values, v); }));
  } else {
    return look_up(nibbles, table);
  }
}

template <class Dots, int G>
inline void add_signed(Dots& dots, const SignedCodes& codes, const Tokens<G>& x) {
  for_each_index<G>([&](auto t) __attribute__((always_inline)) {
    const int8x16_t tokens = vreinterpretq_s8_u8(x.v[t / 4]);
    I8& sum = dots.v[t];
    sum.low = vdotq_laneq_s32(sum.low, codes.low, tokens, t % 4);
    sum.high = vdotq_laneq_s32(sum.high, codes.high, tokens, t % 4);
  });
}
template <int kBits, int G>
inline void add_products(Dots<kBits, G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  add_signed(dots, as_signed(codes), load_tokens<G>(x));
}
template <int G>
inline void add_products(Dots<8, G>& dots, const SignedCodes& codes, const int8_t (&x)[G][4]) {
  const Tokens<G> tokens = load_tokens<G>(x);
  add_signed(dots, codes, tokens);
  for_each_index<(G + 3) / 4>(
      [&](auto i) { dots.x[i] = vdotq_s32(dots.x[i], vreinterpretq_s8_u8(tokens.v[i]), vdupq_n_s8(1)); });
}
template <int G>
inline void add_products(Dots<8, G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  add_products(dots, as_signed(each_half(codes, less_128)), x);
}

template <int kBits, int G>
inline I8 rows_of(const Dots<kBits, G>& dots, int t) {
  return dots.v[t];
}
template <int G>
inline I8 rows_of(const Dots<8, G>& dots, int t) {
  const int32x4_t lost = vdupq_n_s32(128 * dots.x[t / 4][t % 4]);
  return {vaddq_s32(dots.v[t].low, lost), vaddq_s32(dots.v[t].high, lost)};
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA

// What is made of the sums of products.
#include "kernels/neon/sums.h"
