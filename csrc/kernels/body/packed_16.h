#pragma once

#include "kernels/body/packed_256.h"

// Super-blocks with a scale for each 16 columns. Codes of 128 columns lie in four parts of 32: the same vectors of
// bytes, with other bits for each part.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// 32 columns with two scales. codes(Index): the vectors of the part.
template <int kBits, int G, class Codes>
inline void multiply_part(const Codes& codes, const Group256<G>& x, int part, const Pairs& scales, Sums<G>& sums) {
  const auto second = [&](auto s) { return codes(Index<4 + decltype(s){}>{}); };
  multiply_scaled<kBits, 4, G>(codes, x.q + 8 * part, first_of_pairs(scales), sums);
  multiply_scaled<kBits, 4, G>(second, x.q + 8 * part + 4, second_of_pairs(scales), sums);
}

// w = d * scale * (code - 32), groups of 16. Of 128 columns, four parts of 32, there are 8 triples of vectors: pairs of
// high bits of all parts, nibbles of parts 0 and 2, nibbles of parts 1 and 3.
struct PackedQ6_K {
  static constexpr int64_t kBytes = 16 + 128 + 1536;
  static constexpr bool kHasMins = false;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for (int half = 0; half < 2; ++half) {
      const uint8_t* pairs = w + 144 + 768 * half;
      for_each_index<4>([&](auto quarter) {
        constexpr int k = quarter;
        const int part = 4 * half + k;
        const Pairs scales = load_signed_pairs(w + 16 + 16 * part);
        const auto codes = [pairs](auto s) {
          const uint8_t* nibbles = pairs + 32 + k % 2 * 32;
          return either(bit_field<k / 2 * 4, 15, 0>(load_bytes(nibbles + 96 * s)),
                        bit_field<2 * k, 3, 4>(load_bytes(pairs + 96 * s)));
        };
        multiply_part<6, G>(codes, x, part, scales, sums);
        add_multiples<G>(rest, scales, x.sums16[part]);
      });
    }
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
      const uint8_t* crumbs = w + 160 + 256 * half;
      for_each_index<4>([&](auto quarter) {
        constexpr int k = quarter;
        const int part = 4 * half + k;
        const Pairs both = load_pairs(w + 32 + 16 * part);
        const auto codes = [crumbs](auto s) { return bit_field<2 * k, 3, 0>(load_bytes(crumbs + 32 * s)); };
        multiply_part<2, G>(codes, x, part, low_nibbles(both), sums);
        add_multiples<G>(rest, high_nibbles(both), x.sums16[part]);
      });
    }
  }
};

// w = d * scale * (code - 4): two low bits, and third bits whose place counts the parts of both halves.
struct PackedQ3_K {
  static constexpr int64_t kBytes = 16 + 128 + 256 + 512;
  static constexpr bool kHasMins = false;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for_each_index<8>([&](auto part) {
      constexpr int k = part;
      const Pairs scales = load_signed_pairs(w + 16 + 16 * part);
      const uint8_t* crumbs = w + 400 + k / 4 * 256;
      const auto codes = [w, crumbs](auto s) {
        return either(bit_field<k % 4 * 2, 3, 0>(load_bytes(crumbs + 32 * s)),
                      bit_field<k, 1, 2>(load_bytes(w + 144 + 32 * s)));
      };
      multiply_part<3, G>(codes, x, part, scales, sums);
      add_multiples<G>(rest, scales, x.sums16[part]);
    });
    sub_shifted<2>(sums, rest);
  }
};

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
