#pragma once

#include "kernels/body/unroll.h"
#include "kernels/neon/codes.h"

// Products in NEON registers; kernels/scalar/products.h says what each function means. Products of bytes are added in
// 16 bits, each byte of a vector in a lane of its own and as many as fit, before they are widened.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kGroup = 4;
inline constexpr int kChains = 1;

// Four neighbouring lanes are those of a row.
template <int kBits, int G>
struct Dots {
  int16x8_t v[G][4];
};

template <int kBits>
inline constexpr int kMostProducts = kBits >= 7   ? 2
                                     : kBits == 6 ? 4
                                                  : 8;

inline int8x16_t broadcast_four(const int8_t (&x)[4]) {
  int32_t four;
  std::memcpy(&four, x, sizeof four);
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

template <int kBits, int G>
inline void add_products(Dots<kBits, G>& dots, const SignedCodes& codes, const int8_t (&x)[G][4]) {
  for_each_index<G>([&](auto t) __attribute__((always_inline)) {
    const int8x16_t four = broadcast_four(x[t]);
    auto& sum = dots.v[t];
    sum[0] = vmlal_s8(sum[0], vget_low_s8(codes.low), vget_low_s8(four));
    sum[1] = vmlal_high_s8(sum[1], codes.low, four);
    sum[2] = vmlal_s8(sum[2], vget_low_s8(codes.high), vget_low_s8(four));
    sum[3] = vmlal_high_s8(sum[3], codes.high, four);
  });
}
template <int kBits, int G>
inline void add_products(Dots<kBits, G>& dots, B32 codes, const int8_t (&x)[G][4]) {
  add_products(dots, as_signed<kBits>(codes), x);
}

// The sums of a token, one for each row.
template <int kBits, int G>
inline I8 rows_of(const Dots<kBits, G>& dots, int t) {
  const auto& v = dots.v[t];
  return {vpaddq_s32(vpaddlq_s16(v[0]), vpaddlq_s16(v[1])), vpaddq_s32(vpaddlq_s16(v[2]), vpaddlq_s16(v[3]))};
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA

// What is made of the sums of products.
#include "kernels/neon/sums.h"
