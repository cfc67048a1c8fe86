#pragma once

#include "kernels/neon/ints.h"
#include "kernels/neon/tokens.h"

// What is over its vectors.
#include "kernels/body/lanes.h"

// Sums of eight rows and G tokens, however their products are made; rows_of(dots, t) gives those of token t.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct Scale {
  I8 v;
};
inline Scale widened(int16x8_t a) { return {{vmovl_s16(vget_low_s16(a)), vmovl_high_s16(a)}}; }
inline Scale first_of_pairs(Pairs a) { return widened(a.first); }
inline Scale second_of_pairs(Pairs a) { return widened(a.second); }

template <int G, class Dots>
inline void add_total(Sums<G>& sums, const Dots& dots) {
  for (int t = 0; t < G; ++t) sums.v[t] = add(sums.v[t], rows_of(dots, t));
}
template <int G, class Dots>
inline void add_scaled(Sums<G>& sums, const Dots& dots, Scale scale) {
  for (int t = 0; t < G; ++t) {
    const I8 rows = rows_of(dots, t);
    I8& sum = sums.v[t];
    sum = {vmlaq_s32(sum.low, rows.low, scale.v.low), vmlaq_s32(sum.high, rows.high, scale.v.high)};
  }
}

// sum + a times word kWord of a register
template <int kWord>
inline I8 add_multiple(I8 sum, int16x8_t a, uint8x16_t x) {
  const int16x8_t words = vreinterpretq_s16_u8(x);
  return {vmlal_laneq_s16(sum.low, vget_low_s16(a), words, kWord), vmlal_high_laneq_s16(sum.high, a, words, kWord)};
}
template <int kWord>
inline I8 add_multiple(I8 sum, int16x8_t a, uint8x8_t x) {
  const int16x4_t words = vreinterpret_s16_u8(x);
  return {vmlal_lane_s16(sum.low, vget_low_s16(a), words, kWord), vmlal_high_lane_s16(sum.high, a, words, kWord)};
}

template <int G>
inline void add_multiples(Sums<G>& sums, Pairs a, const int16_t (&x)[G][2]) {
  const Tokens<G> tokens = load_tokens<G>(x);
  for_each_index<G>([&](auto t) __attribute__((always_inline)) {
    constexpr int first = t % 4 * 2;
    const I8 half = add_multiple<first>(sums.v[t], a.first, tokens.v[t / 4]);
    sums.v[t] = add_multiple<first + 1>(half, a.second, tokens.v[t / 4]);
  });
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
