#pragma once

#include "kernels/body/packed_256.h"

// Types whose nibbles name a value in a table. Values are made unsigned; those of eight bits are multiplied as two
// halves of four, each with a table of its own.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Low and high nibbles of the values of IQ4_NL and IQ4_XS plus 128.
inline constexpr uint8_t kIq4Low[16] = {1, 8, 13, 15, 15, 13, 10, 6, 1, 13, 9, 6, 5, 5, 9, 1};
inline constexpr uint8_t kIq4High[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 13, 15};
// Twice the values of MXFP4 plus 12.
inline constexpr uint8_t kMxfp4Codes[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

// 32 columns from q: low[t] and high[t] are the sums of the two halves of each value.
template <int T>
inline void multiply_iq4(const uint8_t* codes, const int8_t* const (&q)[T], Dot (&low)[T], Dot (&high)[T]) {
  for (int s = 0; s < 4; ++s) {
    const B32 both = load_bytes(codes + 32 * s), first = low_nibbles(both), second = high_nibbles(both);
    const B32 first_low = look_up(first, kIq4Low), first_high = look_up(first, kIq4High);
    const B32 second_low = look_up(second, kIq4Low), second_high = look_up(second, kIq4High);
    for (int t = 0; t < T; ++t) {
      const B32 x_first = broadcast_four(q[t] + 4 * s), x_second = broadcast_four(q[t] + 16 + 4 * s);
      low[t] = add(add(low[t], dot(first_low, x_first)), dot(second_low, x_second));
      high[t] = add(add(high[t], dot(first_high, x_first)), dot(second_high, x_second));
    }
  }
}

struct PackedIQ4_NL {
  static constexpr int64_t kBytes = 16 + 128;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  static F8 offset(const uint8_t*, const F8& d) { return mul(d, broadcast(-128)); }
  template <int T>
  static void multiply(const uint8_t* w, const Block32* const (&x)[T], I8 (&sums)[T]) {
    Dot low[T] = {}, high[T] = {};
    const int8_t* q[T];
    for (int t = 0; t < T; ++t) q[t] = x[t]->q;
    multiply_iq4<T>(w + 16, q, low, high);
    for (int t = 0; t < T; ++t) sums[t] = add(total(low[t]), total_times_16(high[t]));
  }
};

struct PackedMXFP4 {
  static constexpr int64_t kBytes = 8 + 128;
  static F8 scale(const uint8_t* w) { return load_half_powers(w); }
  static F8 offset(const uint8_t*, const F8& d) { return mul(d, broadcast(-12)); }
  template <int T>
  static void multiply(const uint8_t* w, const Block32* const (&x)[T], I8 (&sums)[T]) {
    Dot first[T] = {}, second[T] = {};
    multiply_half<0, T>(w + 8, x, first);
    multiply_half<2, T>(w + 8, x, second);
    for (int t = 0; t < T; ++t) sums[t] = add(total(first[t]), total(second[t]));
  }

  // Vectors kFirst and kFirst + 1: four products of codes below 32 fit into a Dot.
  template <int kFirst, int T>
  [[gnu::always_inline]] static void multiply_half(const uint8_t* codes, const Block32* const (&x)[T], Dot (&dots)[T]) {
    for (int s = kFirst; s < kFirst + 2; ++s) {
      const B32 both = load_bytes(codes + 32 * s);
      const B32 low = look_up(low_nibbles(both), kMxfp4Codes), high = look_up(high_nibbles(both), kMxfp4Codes);
      for (int t = 0; t < T; ++t) {
        dots[t] = add(dots[t], dot(low, broadcast_four(x[t]->q + 4 * s)));
        dots[t] = add(dots[t], dot(high, broadcast_four(x[t]->q + 16 + 4 * s)));
      }
    }
  }
};

// w = d * scale * value, groups of 32.
struct PackedIQ4_XS {
  static constexpr int64_t kBytes = 16 + 64 + 1024;
  static constexpr bool kHasMins = false;

  template <int T>
  static void multiply_group(const uint8_t* codes, const Block256* const (&x)[T], int column, Pairs scale,
                             I8 (&sums)[T]) {
    Dot low[T] = {}, high[T] = {};
    const int8_t* q[T];
    for (int t = 0; t < T; ++t) q[t] = x[t]->q + column;
    multiply_iq4<T>(codes, q, low, high);
    for (int t = 0; t < T; ++t) {
      sums[t] = add(sums[t], add(scaled(low[t], scale), shift_left<4>(scaled(high[t], scale))));
    }
  }

  template <int T>
  static void multiply_block(const uint8_t* w, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    for (int pair = 0; pair < 4; ++pair) {
      const Pairs scales = load_signed_pairs(w + 16 + 16 * pair);
      const uint8_t* codes = w + 80 + 256 * pair;
      multiply_group<T>(codes, x, 64 * pair, first_of_pairs(scales), sums);
      multiply_group<T>(codes + 128, x, 64 * pair + 32, second_of_pairs(scales), sums);
      for (int t = 0; t < T; ++t) rest[t] = add(rest[t], multiply(scales, broadcast_pair(x[t]->sums32 + 2 * pair)));
    }
    for (int t = 0; t < T; ++t) sums[t] = sub(sums[t], shift_left<7>(rest[t]));
  }
};

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
