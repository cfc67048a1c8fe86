#pragma once

#include "kernels/body/packed_256.h"

// Super-blocks with a scale for each 16 columns. Codes of 128 columns lie in four parts of 32: the same vectors of
// bytes, with other bits for each part.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Four parts of 32 columns with two scales each: codes(part, Index) are a part's vectors, scales(part) what their
// products are multiplied with, mins(part) what the activations' own sums are, for rest.
template <int kBits, int G, class Codes, class Scales, class Mins>
[[gnu::always_inline]] inline void multiply_four(const Codes& codes, const Scales& scales, const Mins& mins,
                                                 const Group256<G>& x, int first, Sums<G>& sums, Sums<G>& rest) {
  constexpr int K = kPartsAtOnce<G, 4>;
  for_each_index<4 / K>([&](auto turn) __attribute__((always_inline)) {
    const auto number = [&](auto part) { return Index<decltype(turn){} * K + decltype(part){}>{}; };
    const auto low = [&](auto part, auto s) { return codes(number(part), s); };
    const auto high = [&](auto part, auto s) { return codes(number(part), Index<4 + decltype(s){}>{}); };
    const auto* q = x.q + 8 * (first + K * turn);
    multiply_parts<kBits, 4, K, G>(
        low, q, [&](auto part, const auto& dots) { add_scaled(sums, dots, first_of_pairs(scales(number(part)))); });
    multiply_parts<kBits, 4, K, G>(high, q + 4, [&](auto part, const auto& dots) {
      add_scaled(sums, dots, second_of_pairs(scales(number(part))));
    });
    for_each_index<K>([&](auto part) __attribute__((always_inline)) {
      add_multiples<G>(rest, mins(number(part)), x.sums16[first + number(part)]);
    });
  });
}

// w = d * scale * (code - 32), groups of 16. Of 128 columns, four parts of 32, there are 8 triples of vectors: pairs of
// high bits of all parts, nibbles of parts 0 and 2, nibbles of parts 1 and 3.
struct PackedQ6_K {
  static constexpr int64_t kBytes = 16 + 128 + 1536;
  static constexpr bool kHasMins = false;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for_each_index<2>([&](auto half) __attribute__((always_inline)) {
      const auto scales = [p = w + 16 + 64 * half](int part) { return load_signed_pairs(p + 16 * part); };
      const auto codes = [pairs = w + 144 + 768 * half](auto part, auto s) {
        constexpr int k = decltype(part){};
        const uint8_t* nibbles = pairs + 32 + k % 2 * 32;
        return either(bit_field<k / 2 * 4, 15, 0>(load_bytes(nibbles + 96 * s)),
                      bit_field<2 * k, 3, 4>(load_bytes(pairs + 96 * s)));
      };
      multiply_four<6, G>(codes, scales, scales, x, 4 * half, sums, rest);
    });
    sub_shifted<5>(sums, rest);
  }
};

// w = d * scale * code - dmin * min: codes of 2 bits, scale and min the nibbles of one byte.
struct PackedQ2_K {
  static constexpr int64_t kBytes = 32 + 128 + 512;
  static constexpr bool kHasMins = true;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for (int half = 0; half < 2; ++half) {
      const auto both = [p = w + 32 + 64 * half](int part) { return load_pairs(p + 16 * part); };
      const auto codes = [crumbs = w + 160 + 256 * half](auto part, auto s) {
        return bit_field<2 * decltype(part){}, 3, 0>(load_bytes(crumbs + 32 * s));
      };
      const auto scales = [&](int part) { return low_nibbles(both(part)); };
      const auto mins = [&](int part) { return high_nibbles(both(part)); };
      multiply_four<2, G>(codes, scales, mins, x, 4 * half, sums, rest);
    }
  }
};

// w = d * scale * (code - 4): two low bits, and third bits whose place counts the parts of both halves.
struct PackedQ3_K {
  static constexpr int64_t kBytes = 16 + 128 + 256 + 512;
  static constexpr bool kHasMins = false;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for_each_index<2>([&](auto half) __attribute__((always_inline)) {
      const auto scales = [p = w + 16 + 64 * half](int part) { return load_signed_pairs(p + 16 * part); };
      const auto codes = [w, crumbs = w + 400 + 256 * half](auto part, auto s) {
        constexpr int k = decltype(part){};
        return either(bit_field<2 * k, 3, 0>(load_bytes(crumbs + 32 * s)),
                      bit_field<4 * decltype(half){} + k, 1, 2>(load_bytes(w + 144 + 32 * s)));
      };
      multiply_four<3, G>(codes, scales, scales, x, 4 * half, sums, rest);
    });
    sub_shifted<2>(sums, rest);
  }
};

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
