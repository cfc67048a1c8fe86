#pragma once

#include "kernels/body/packed_256.h"

// Super-blocks with a scale for each 16 columns. Codes of 128 columns lie in four parts of 32: the same vectors of
// bytes, with other bits for each part.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// w = d * scale * (code - 32), groups of 16. Of 128 columns, four parts of 32, there are 8 triples of vectors: pairs of
// high bits of all parts, nibbles of parts 0 and 2, nibbles of parts 1 and 3.
struct PackedQ6_K {
  static constexpr int64_t kBytes = 16 + 128 + 1536;
  static constexpr bool kHasMins = false;

  template <int kPart, int T>
  static void multiply_part(const uint8_t* w, int half, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    const int part = 4 * half + kPart;
    const Pairs scales = load_signed_pairs(w + 16 + 16 * part);
    const Pairs first = first_of_pairs(scales), second = second_of_pairs(scales);
    const uint8_t* pairs = w + 144 + 768 * half;
    const uint8_t* nibbles = pairs + 32 + kPart % 2 * 32;
    for (int s = 0; s < 8; s += 2) {
      const auto codes = [=](int i) {
        return either(bit_field<kPart / 2 * 4, 15, 0>(load_bytes(nibbles + 96 * (s + i))),
                      bit_field<2 * kPart, 3, 4>(load_bytes(pairs + 96 * (s + i))));
      };
      add_scaled<2, T>(codes, x, 32 * part + 4 * s, s < 4 ? first : second, sums);
    }
    for (int t = 0; t < T; ++t) rest[t] = add(rest[t], multiply(scales, broadcast_pair(x[t]->sums16 + 2 * part)));
  }

  template <int T>
  static void multiply_block(const uint8_t* w, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    for (int half = 0; half < 2; ++half) {
      multiply_part<0, T>(w, half, x, sums, rest);
      multiply_part<1, T>(w, half, x, sums, rest);
      multiply_part<2, T>(w, half, x, sums, rest);
      multiply_part<3, T>(w, half, x, sums, rest);
    }
    for (int t = 0; t < T; ++t) sums[t] = sub(sums[t], shift_left<5>(rest[t]));
  }
};

// w = d * scale * code - dmin * min: codes of 2 bits, scale and min the nibbles of one byte.
struct PackedQ2_K {
  static constexpr int64_t kBytes = 32 + 128 + 512;
  static constexpr bool kHasMins = true;

  template <int kPart, int T>
  static void multiply_part(const uint8_t* w, int half, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    const int part = 4 * half + kPart;
    const Pairs both = load_pairs(w + 32 + 16 * part);
    const Pairs scales = low_nibbles(both), mins = high_nibbles(both);
    const uint8_t* crumbs = w + 160 + 256 * half;
    const auto first = [=](int s) { return bit_field<2 * kPart, 3, 0>(load_bytes(crumbs + 32 * s)); };
    const auto second = [=](int s) { return bit_field<2 * kPart, 3, 0>(load_bytes(crumbs + 128 + 32 * s)); };
    add_scaled<4, T>(first, x, 32 * part, first_of_pairs(scales), sums);
    add_scaled<4, T>(second, x, 32 * part + 16, second_of_pairs(scales), sums);
    for (int t = 0; t < T; ++t) rest[t] = add(rest[t], multiply(mins, broadcast_pair(x[t]->sums16 + 2 * part)));
  }

  template <int T>
  static void multiply_block(const uint8_t* w, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    for (int half = 0; half < 2; ++half) {
      multiply_part<0, T>(w, half, x, sums, rest);
      multiply_part<1, T>(w, half, x, sums, rest);
      multiply_part<2, T>(w, half, x, sums, rest);
      multiply_part<3, T>(w, half, x, sums, rest);
    }
  }
};

// w = d * scale * (code - 4): two low bits, and third bits whose place counts the parts of both halves.
struct PackedQ3_K {
  static constexpr int64_t kBytes = 16 + 128 + 256 + 512;
  static constexpr bool kHasMins = false;

  template <int kPart, int T>
  static void multiply_part(const uint8_t* w, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    const Pairs scales = load_signed_pairs(w + 16 + 16 * kPart);
    const uint8_t* third = w + 144;
    const uint8_t* crumbs = w + 400 + kPart / 4 * 256;
    const auto code = [=](int s) {
      return either(bit_field<kPart % 4 * 2, 3, 0>(load_bytes(crumbs + 32 * s)),
                    bit_field<kPart, 1, 2>(load_bytes(third + 32 * s)));
    };
    const auto second = [=](int s) { return code(4 + s); };
    add_scaled<4, T>(code, x, 32 * kPart, first_of_pairs(scales), sums);
    add_scaled<4, T>(second, x, 32 * kPart + 16, second_of_pairs(scales), sums);
    for (int t = 0; t < T; ++t) rest[t] = add(rest[t], multiply(scales, broadcast_pair(x[t]->sums16 + 2 * kPart)));
  }

  template <int T>
  static void multiply_block(const uint8_t* w, const Block256* const (&x)[T], I8 (&sums)[T], I8 (&rest)[T]) {
    multiply_part<0, T>(w, x, sums, rest);
    multiply_part<1, T>(w, x, sums, rest);
    multiply_part<2, T>(w, x, sums, rest);
    multiply_part<3, T>(w, x, sums, rest);
    multiply_part<4, T>(w, x, sums, rest);
    multiply_part<5, T>(w, x, sums, rest);
    multiply_part<6, T>(w, x, sums, rest);
    multiply_part<7, T>(w, x, sums, rest);
    for (int t = 0; t < T; ++t) sums[t] = sub(sums[t], shift_left<2>(rest[t]));
  }
};

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
