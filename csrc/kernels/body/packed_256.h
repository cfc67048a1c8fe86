#pragma once

#include "kernels/body/packed_32.h"

// Packed types with super-blocks of 256 columns and small integer scales for 16 or 32 of them. All sums of a block are
// integers: of codes times scales, and of mins times the activations' own sums.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// N vectors of codes times the columns from `column`, with one scale: sums += scale * (codes . q)
template <int N, int T, class Codes>
inline void add_scaled(const Codes& codes, const Block256* const (&x)[T], int column, Pairs scale, I8 (&sums)[T]) {
  Dot dots[T] = {};
  for (int s = 0; s < N; ++s) {
    const B32 code = codes(s);
    for (int t = 0; t < T; ++t) dots[t] = add(dots[t], dot(code, broadcast_four(x[t]->q + column + 4 * s)));
  }
  for (int t = 0; t < T; ++t) sums[t] = add(sums[t], scaled(dots[t], scale));
}

// rest[t] = the mins of the eight groups of 32 times the sums of their activations
template <int T>
inline void multiply_mins(const uint8_t* mins, const Block256* const (&x)[T], I8 (&rest)[T]) {
  for (int pair = 0; pair < 4; ++pair) {
    const Pairs min = load_pairs(mins + 16 * pair);
    for (int t = 0; t < T; ++t) rest[t] = add(rest[t], multiply(min, broadcast_pair(x[t]->sums32 + 2 * pair)));
  }
}

// w = d * scale * code - dmin * min. Low nibbles of 8 vectors are one group of 32, high nibbles the next.
struct PackedQ4_K {
  static constexpr int64_t kBytes = 32 + 64 + 64 + 1024;
  static constexpr bool kHasMins = true;
  template <int T>
  static void multiply_block(const uint8_t* w, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    for (int pair = 0; pair < 4; ++pair) {
      const Pairs scales = load_pairs(w + 32 + 16 * pair);
      const uint8_t* codes = w + 160 + 256 * pair;
      const auto low = [codes](int s) { return low_nibbles(load_bytes(codes + 32 * s)); };
      const auto high = [codes](int s) { return high_nibbles(load_bytes(codes + 32 * s)); };
      add_scaled<8, T>(low, x, 64 * pair, first_of_pairs(scales), sums);
      add_scaled<8, T>(high, x, 64 * pair + 32, second_of_pairs(scales), sums);
    }
    multiply_mins<T>(w + 96, x, rest);
  }
};

// The same with fifth bits: bit g of byte i belongs to column i of group g.
struct PackedQ5_K {
  static constexpr int64_t kBytes = 32 + 64 + 64 + 256 + 1024;
  static constexpr bool kHasMins = true;

  template <int kPair, int T>
  static void multiply_pair(const uint8_t* w, const Block256* const (&x)[T], I8 (&sums)[T]) {
    const Pairs scales = load_pairs(w + 32 + 16 * kPair);
    const Pairs first = first_of_pairs(scales), second = second_of_pairs(scales);
    for (int half = 0; half < 2; ++half) {
      const uint8_t* fifth = w + 160 + 128 * half;
      const uint8_t* codes = w + 416 + 256 * kPair + 128 * half;
      const auto low = [=](int s) {
        return either(low_nibbles(load_bytes(codes + 32 * s)), bit_field<2 * kPair, 1, 4>(load_bytes(fifth + 32 * s)));
      };
      const auto high = [=](int s) {
        return either(high_nibbles(load_bytes(codes + 32 * s)),
                      bit_field<2 * kPair + 1, 1, 4>(load_bytes(fifth + 32 * s)));
      };
      add_scaled<4, T>(low, x, 64 * kPair + 16 * half, first, sums);
      add_scaled<4, T>(high, x, 64 * kPair + 32 + 16 * half, second, sums);
    }
  }

  template <int T>
  static void multiply_block(const uint8_t* w, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    multiply_pair<0, T>(w, x, sums);
    multiply_pair<1, T>(w, x, sums);
    multiply_pair<2, T>(w, x, sums);
    multiply_pair<3, T>(w, x, sums);
    multiply_mins<T>(w + 96, x, rest);
  }
};

// out[t, r] = strip . x[t] for T tokens.
template <class Type, int T>
inline void multiply_tile_256(const uint8_t* w, const std::byte* x, int64_t pitch, int64_t n_blocks, float* out) {
  const Block256* tokens[T];
  F8 acc[T];
  for (int t = 0; t < T; ++t) {
    tokens[t] = reinterpret_cast<const Block256*>(x + t * pitch);
    acc[t] = broadcast(0);
  }
  for (int64_t b = 0; b < n_blocks; ++b, w += Type::kBytes) {
    I8 sums[T] = {}, rest[T] = {};
    Type::template multiply_block<T>(w, tokens, sums, rest);
    const F8 d = load_scales(w);
    for (int t = 0; t < T; ++t) {
      const float scale = tokens[t]->scale;
      if constexpr (Type::kHasMins) {
        const F8 lowered = mul(mul(load_scales(w + 16), broadcast(-scale)), to_float(rest[t]));
        acc[t] = add(acc[t], fma(mul(d, broadcast(scale)), to_float(sums[t]), lowered));
      } else {
        acc[t] = fma(mul(d, broadcast(scale)), to_float(sums[t]), acc[t]);
      }
      ++tokens[t];
    }
  }
  for (int t = 0; t < T; ++t) store(out + t * 8, acc[t]);
}

template <class Type>
inline void multiply_strip_256(const std::byte* strip, const std::byte* x, int64_t pitch, int64_t n_blocks,
                               int64_t n_tokens, float* out) {
  const auto* w = reinterpret_cast<const uint8_t*>(strip);
  for (; n_tokens >= 4; n_tokens -= 4, x += 4 * pitch, out += 32) {
    multiply_tile_256<Type, 4>(w, x, pitch, n_blocks, out);
  }
  if (n_tokens == 3) multiply_tile_256<Type, 3>(w, x, pitch, n_blocks, out);
  if (n_tokens == 2) multiply_tile_256<Type, 2>(w, x, pitch, n_blocks, out);
  if (n_tokens == 1) multiply_tile_256<Type, 1>(w, x, pitch, n_blocks, out);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
