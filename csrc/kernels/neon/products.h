#pragma once

#include "kernels/body/unroll.h"
#include "kernels/neon/ints.h"

// Products in NEON registers; kernels/scalar/products.h says what each function means. Products of bytes are added in
// 16 bits, each byte of a vector in a lane of its own and as many as fit, before they are widened.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kGroup = 4;
inline constexpr int kChains = 1;

// Lanes 2 r and 2 r + 1 of each register together are row r of its two.
template <int kBits, int G>
struct Dots {
  int16x8_t v[G][4];
};

// Eight bits would leave room for one product: their halves of four are multiplied apart.
template <int G>
struct Dots<8, G> {
  Dots<4, G> low, high;
};

struct Halves {
  B32 low, high;
};

// Codes of eight bits come in halves, each from a table of its own.
template <int kBits>
inline auto look_up_codes(B32 nibbles, const uint8_t (&table)[16]) {
  if constexpr (kBits == 8) {
    const uint8x16_t codes = vld1q_u8(table);
    const uint8x16_t low = vandq_u8(codes, vdupq_n_u8(15)), high = vshrq_n_u8(codes, 4);
    const auto look_up_half = [&](uint8x16_t values) {
      return each_half(nibbles, [=](uint8x16_t v) { return vqtbl1q_u8(values, v); });
    };
    return Halves{look_up_half(low), look_up_half(high)};
  } else {
    return look_up(nibbles, table);
  }
}

template <int kBits>
inline constexpr int kMostProducts = kBits == 7   ? 2
                                     : kBits == 6 ? 4
                                                  : 8;

inline int8x16_t broadcast_four(const int8_t (&x)[4]) {
  int32_t four;
  std::memcpy(&four, x, sizeof four);
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

template <int kBits, int G>
inline void add_products(Dots<kBits, G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  const int8x16_t low = vreinterpretq_s8_u8(codes.low), high = vreinterpretq_s8_u8(codes.high);
  for_each_index<G>([&](auto t) __attribute__((always_inline)) {
    const int8x16_t four = broadcast_four(x[t]);
    auto& sum = dots.v[t];
    sum[0] = vmlal_s8(sum[0], vget_low_s8(low), vget_low_s8(four));
    sum[1] = vmlal_high_s8(sum[1], low, four);
    sum[2] = vmlal_s8(sum[2], vget_low_s8(high), vget_low_s8(four));
    sum[3] = vmlal_high_s8(sum[3], high, four);
  });
}
template <int G>
inline void add_products(Dots<8, G>& dots, const Halves& codes, const int8_t (&x)[G][4]) {
  add_products(dots.low, codes.low, x);
  add_products(dots.high, codes.high, x);
}
template <int G>
inline void add_products(Dots<8, G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  add_products(dots, Halves{low_nibbles(codes), high_nibbles(codes)}, x);
}

// The sums of a token, one for each row.
template <int kBits, int G>
inline I8 rows_of(const Dots<kBits, G>& dots, int t) {
  const auto& v = dots.v[t];
  return {vpaddq_s32(vpaddlq_s16(v[0]), vpaddlq_s16(v[1])), vpaddq_s32(vpaddlq_s16(v[2]), vpaddlq_s16(v[3]))};
}
template <int G>
inline I8 rows_of(const Dots<8, G>& dots, int t) {
  const I8 low = rows_of(dots.low, t), high = rows_of(dots.high, t);
  return {vaddq_s32(low.low, vshlq_n_s32(high.low, 4)), vaddq_s32(low.high, vshlq_n_s32(high.high, 4))};
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA

// What is made of the sums of products.
#include "kernels/neon/sums.h"
