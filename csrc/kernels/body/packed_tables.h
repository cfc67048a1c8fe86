#pragma once

#include "kernels/body/packed_256.h"

// Types whose nibbles name a value in a table. Values are made unsigned.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// The values of IQ4_NL and IQ4_XS plus 128.
inline constexpr uint8_t kIq4Codes[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};
// Twice the values of MXFP4 plus 16.
inline constexpr uint8_t kMxfp4Codes[16] = {16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4};

// w = d * (code - 128)
struct PackedIQ4_NL {
  static constexpr int64_t kBytes = 16 + 128;
  static constexpr bool kHasMins = false;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  template <int G>
  static void multiply(const uint8_t* w, const Group32<G>& x, Sums<G>& sums) {
    const auto codes = [w](auto s) { return look_up_codes<8>(nibbles(w + 16)(s), kIq4Codes); };
    multiply_32<8>(codes, x, sums);
    lower<8, 128>(sums, x);
  }
};

// w = d * (code - 16), d half of a power of two
struct PackedMXFP4 {
  static constexpr int64_t kBytes = 8 + 128;
  static constexpr bool kHasMins = false;
  static F8 scale(const uint8_t* w) { return load_half_powers(w); }
  template <int G>
  static void multiply(const uint8_t* w, const Group32<G>& x, Sums<G>& sums) {
    const auto codes = [w](auto s) { return look_up_codes<5>(nibbles(w + 8)(s), kMxfp4Codes); };
    multiply_32<5>(codes, x, sums);
    lower<5, 16>(sums, x);
  }
};

// w = d * scale * (code - 128), groups of 32
struct PackedIQ4_XS {
  static constexpr int64_t kBytes = 16 + 64 + 1024;
  static constexpr bool kHasMins = false;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for (int pair = 0; pair < 4; ++pair) {
      const Pairs scales = load_signed_pairs(w + 16 + 16 * pair);
      const uint8_t* at = w + 80 + 256 * pair;
      const auto first = [at](auto s) { return look_up_codes<8>(nibbles(at)(s), kIq4Codes); };
      const auto second = [at](auto s) { return look_up_codes<8>(nibbles(at + 128)(s), kIq4Codes); };
      multiply_scaled<8, 8, G>(first, x.q + 16 * pair, first_of_pairs(scales), sums);
      multiply_scaled<8, 8, G>(second, x.q + 16 * pair + 8, second_of_pairs(scales), sums);
      if constexpr (kTakenOff<8> == 0) add_multiples<G>(rest, scales, x.sums32[pair]);
    }
    if constexpr (kTakenOff<8> == 0) sub_shifted<7>(sums, rest);
  }
};

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
