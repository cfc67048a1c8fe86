#pragma once

#include "kernels/activations.h"

// Packed types with one scale per 32 columns: w = d * code + offset. A type reads one block of a strip: its scales,
// and the integer products of the codes with T tokens.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Eight halves, one per row.
inline F8 load_scales(const uint8_t* p) { return load_half(reinterpret_cast<const uint16_t*>(p)); }

// Four vectors of nibbles: low ones are columns 4 s to 4 s + 3, high ones 16 columns further.
template <int T>
inline void multiply_nibbles(const uint8_t* codes, const Block32* const (&x)[T], I8 (&sums)[T]) {
  Dot dots[T] = {};
  for (int s = 0; s < 4; ++s) {
    const B32 both = load_bytes(codes + 32 * s);
    const B32 low = low_nibbles(both), high = high_nibbles(both);
    for (int t = 0; t < T; ++t) {
      dots[t] = add(dots[t], dot(low, broadcast_four(x[t]->q + 4 * s)));
      dots[t] = add(dots[t], dot(high, broadcast_four(x[t]->q + 16 + 4 * s)));
    }
  }
  for (int t = 0; t < T; ++t) sums[t] = total(dots[t]);
}

struct PackedQ4_0 {
  static constexpr int64_t kBytes = 16 + 128;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  static F8 offset(const uint8_t*, const F8& d) { return mul(d, broadcast(-8)); }
  template <int T>
  static void multiply(const uint8_t* w, const Block32* const (&x)[T], I8 (&sums)[T]) {
    multiply_nibbles<T>(w + 16, x, sums);
  }
};

struct PackedQ4_1 {
  static constexpr int64_t kBytes = 32 + 128;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  static F8 offset(const uint8_t* w, const F8&) { return load_scales(w + 16); }
  template <int T>
  static void multiply(const uint8_t* w, const Block32* const (&x)[T], I8 (&sums)[T]) {
    multiply_nibbles<T>(w + 32, x, sums);
  }
};

// Nibbles with fifth bits: bit v of byte j is that of column 4 v + j.
template <int kFirst, int T>
inline void multiply_five_bits(const uint8_t* fifth, const Block32* const (&x)[T], Dot (&dots)[T]) {
  const uint8_t* codes = fifth + 32 + 32 * kFirst;
  const B32 both = load_bytes(codes), bits = load_bytes(fifth);
  const B32 low = either(low_nibbles(both), bit_field<kFirst, 1, 4>(bits));
  const B32 high = either(high_nibbles(both), bit_field<kFirst + 4, 1, 4>(bits));
  for (int t = 0; t < T; ++t) {
    dots[t] = add(dots[t], dot(low, broadcast_four(x[t]->q + 4 * kFirst)));
    dots[t] = add(dots[t], dot(high, broadcast_four(x[t]->q + 16 + 4 * kFirst)));
  }
}

template <int T>
inline void multiply_five_bits(const uint8_t* fifth, const Block32* const (&x)[T], I8 (&sums)[T]) {
  Dot first[T] = {}, second[T] = {};
  multiply_five_bits<0, T>(fifth, x, first);
  multiply_five_bits<1, T>(fifth, x, first);
  multiply_five_bits<2, T>(fifth, x, second);
  multiply_five_bits<3, T>(fifth, x, second);
  for (int t = 0; t < T; ++t) sums[t] = add(total(first[t]), total(second[t]));
}

struct PackedQ5_0 {
  static constexpr int64_t kBytes = 16 + 32 + 128;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  static F8 offset(const uint8_t*, const F8& d) { return mul(d, broadcast(-16)); }
  template <int T>
  static void multiply(const uint8_t* w, const Block32* const (&x)[T], I8 (&sums)[T]) {
    multiply_five_bits<T>(w + 16, x, sums);
  }
};

struct PackedQ5_1 {
  static constexpr int64_t kBytes = 32 + 32 + 128;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  static F8 offset(const uint8_t* w, const F8&) { return load_scales(w + 16); }
  template <int T>
  static void multiply(const uint8_t* w, const Block32* const (&x)[T], I8 (&sums)[T]) {
    multiply_five_bits<T>(w + 32, x, sums);
  }
};

// Codes are stored plus 128; their halves of four bits are multiplied apart, since eight bits saturate a Dot.
struct PackedQ8_0 {
  static constexpr int64_t kBytes = 16 + 256;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  static F8 offset(const uint8_t*, const F8& d) { return mul(d, broadcast(-128)); }
  template <int T>
  static void multiply(const uint8_t* w, const Block32* const (&x)[T], I8 (&sums)[T]) {
    Dot low[T] = {}, high[T] = {};
    for (int s = 0; s < 8; ++s) {
      const B32 code = load_bytes(w + 16 + 32 * s);
      const B32 low_half = low_nibbles(code), high_half = high_nibbles(code);
      for (int t = 0; t < T; ++t) {
        const B32 four = broadcast_four(x[t]->q + 4 * s);
        low[t] = add(low[t], dot(low_half, four));
        high[t] = add(high[t], dot(high_half, four));
      }
    }
    for (int t = 0; t < T; ++t) sums[t] = add(total(low[t]), total_times_16(high[t]));
  }
};

// out[t, r] = strip . x[t] for T tokens.
template <class Type, int T>
inline void multiply_tile_32(const uint8_t* w, const std::byte* x, int64_t pitch, int64_t n_blocks, float* out) {
  const Block32* tokens[T];
  F8 acc[T];
  for (int t = 0; t < T; ++t) {
    tokens[t] = reinterpret_cast<const Block32*>(x + t * pitch);
    acc[t] = broadcast(0);
  }
  for (int64_t b = 0; b < n_blocks; ++b, w += Type::kBytes) {
    I8 sums[T];
    Type::template multiply<T>(w, tokens, sums);
    const F8 d = Type::scale(w), offset = Type::offset(w, d);
    for (int t = 0; t < T; ++t) {
      const F8 rest = mul(offset, broadcast(tokens[t]->sum));
      acc[t] = add(acc[t], fma(mul(d, broadcast(tokens[t]->scale)), to_float(sums[t]), rest));
      ++tokens[t];
    }
  }
  for (int t = 0; t < T; ++t) store(out + t * 8, acc[t]);
}

template <class Type>
inline void multiply_strip_32(const std::byte* strip, const std::byte* x, int64_t pitch, int64_t n_blocks,
                              int64_t n_tokens, float* out) {
  const auto* w = reinterpret_cast<const uint8_t*>(strip);
  for (; n_tokens >= 4; n_tokens -= 4, x += 4 * pitch, out += 32) {
    multiply_tile_32<Type, 4>(w, x, pitch, n_blocks, out);
  }
  if (n_tokens == 3) multiply_tile_32<Type, 3>(w, x, pitch, n_blocks, out);
  if (n_tokens == 2) multiply_tile_32<Type, 2>(w, x, pitch, n_blocks, out);
  if (n_tokens == 1) multiply_tile_32<Type, 1>(w, x, pitch, n_blocks, out);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
