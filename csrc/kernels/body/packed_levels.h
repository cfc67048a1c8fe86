#pragma once

#include "kernels/body/packed_16.h"
#include "kernels/levels.h"

// Types whose code books are taken apart by pack(): what is left of a weight is the number of its level, of which a
// table has the value. Values are made unsigned.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// The scales of two neighbouring parts lie in the low and in the high nibbles; a scale is an odd number.
template <int kPart>
inline Pairs load_odd_scales(const uint8_t* p) {
  const Pairs both = load_pairs(p + kPart / 2 * 16);
  return odd(kPart % 2 == 0 ? low_nibbles(both) : high_nibbles(both));
}

// Bits kPart % 4 of the crumbs of a half: the codes of 32 columns.
template <int kPart>
inline B32 load_crumbs(const uint8_t* p, int s) {
  return bit_field<kPart % 4 * 2, 3, 0>(load_bytes(p + kPart / 4 * 256 + 32 * s));
}

inline constexpr uint8_t kOnes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

// w = d * (code - 1)
struct PackedTernary {
  static constexpr int64_t kBytes = 16 + 512;
  static constexpr bool kHasMins = false;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    constexpr int K = kPartsAtOnce<G, 4>;
    for_each_index<8 / K>([&](auto turn) __attribute__((always_inline)) {
      const auto codes = [&](auto part, auto s) {
        return load_crumbs<decltype(turn){} * K + decltype(part){}>(w + 16, s);
      };
      const auto add = [&](auto, const auto& dots) { add_total(sums, dots); };
      multiply_parts<2, 8, K, G>(codes, x.q + 8 * K * turn, add);
    });
    for_each_index<4>([&](auto pair) { add_multiples<G>(rest, load_pairs(kOnes), x.sums32[pair]); });
    sub_shifted<0>(sums, rest);
  }
};

// w = d/8 * scale * (value - 16), groups of 16. A bit for each eight columns chooses between two shifts.
struct PackedIQ1 {
  static constexpr int64_t kBytes = 16 + 64 + 32 + 512;
  static constexpr bool kHasMins = false;
  static constexpr float kUnit = 0.125f;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    const B32 shifts = load_bytes(w + 80);
    for_each_index<2>([&](auto half) __attribute__((always_inline)) {
      const auto scales = [w](auto part) { return load_odd_scales<4 * decltype(half){} + decltype(part){}>(w + 16); };
      const auto codes = [w, shifts](auto part, auto s) {
        constexpr int k = 4 * decltype(half){} + decltype(part){};
        const B32 third = bit_field<k % 2 * 4 + decltype(s){} / 2, 1, 2>(repeat_byte<k / 2>(shifts));
        return look_up_codes<5>(either(load_crumbs<k>(w + 112, s), third), kernels::kIq1Values);
      };
      multiply_four<5, G>(codes, scales, scales, x, 4 * half, sums, rest);
    });
    sub_shifted<4>(sums, rest);
  }
};

// w = d/8 * scale * (value - 64), groups of 16: two bits of magnitude, and a sign whose place counts the parts.
struct PackedIQ2 {
  static constexpr int64_t kBytes = 16 + 64 + 256 + 512;
  static constexpr bool kHasMins = false;
  static constexpr float kUnit = 0.125f;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for_each_index<2>([&](auto half) __attribute__((always_inline)) {
      const auto scales = [w](auto part) { return load_odd_scales<4 * decltype(half){} + decltype(part){}>(w + 16); };
      const auto codes = [w](auto part, auto s) {
        constexpr int k = 4 * decltype(half){} + decltype(part){};
        const B32 sign = bit_field<k, 1, 2>(load_bytes(w + 80 + 32 * s));
        return look_up_codes<7>(either(load_crumbs<k>(w + 336, s), sign), kernels::kIq2Values);
      };
      multiply_four<7, G>(codes, scales, scales, x, 4 * half, sums, rest);
    });
    sub_shifted<6>(sums, rest);
  }
};

// w = unit * scale * (value - 2^kShift), groups of 32; values of kBits bits.
template <int kBits, int kShift, const uint8_t (&kValues)[16]>
struct PackedIQ3 {
  static constexpr int64_t kBytes = 16 + 32 + 1024;
  static constexpr bool kHasMins = false;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for_each_index<4>([&](auto pair) __attribute__((always_inline)) {
      const Pairs scales = load_odd_scales<decltype(pair){}>(w + 16);
      const uint8_t* at = w + 48 + 256 * pair;
      const auto first = [at](auto s) { return look_up_codes<kBits>(nibbles(at)(s), kValues); };
      const auto second = [at](auto s) { return look_up_codes<kBits>(nibbles(at + 128)(s), kValues); };
      multiply_scaled<kBits, 8, G>(first, x.q + 16 * pair, first_of_pairs(scales), sums);
      multiply_scaled<kBits, 8, G>(second, x.q + 16 * pair + 8, second_of_pairs(scales), sums);
      add_multiples<G>(rest, scales, x.sums32[pair]);
    });
    sub_shifted<kShift>(sums, rest);
  }
};

struct PackedIQ3_XXS : PackedIQ3<7, 6, kernels::kIq3XxsValues> {
  static constexpr float kUnit = 0.25f;
};
using PackedIQ3_S = PackedIQ3<5, 4, kernels::kIq3SValues>;

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
