#pragma once

#include "kernels/body/packed_32.h"

// Packed types with super-blocks of 256 columns and small integer scales for 16 or 32 of them. All sums of a block are
// integers: of codes times scales, and of mins times the activations' own sums.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// N vectors of codes times N times four columns of q, times one scale.
template <int kBits, int N, int G, class Codes>
[[gnu::always_inline]] inline void multiply_scaled(const Codes& codes, const int8_t (*q)[G][4], const Scale& scale,
                                                   Sums<G>& sums) {
  multiply_codes<kBits, N, G>(codes, q, [&](const auto& dots) { add_scaled(sums, dots, scale); });
}

// Scales of groups 2 kPair and 2 kPair + 1 of eight rows, from their words (kernels/spread.cpp)
template <int kPair>
inline Pairs scales_k4(const uint8_t* words) {
  return bit_field<kPair % 2 * 6, 63, 0>(load_words(words + 32 * (kPair / 2)));
}

// The mins of the eight groups of 32 times the sums of their activations
template <int G>
inline void multiply_mins(const uint8_t* words, const Group256<G>& x, Sums<G>& rest) {
  const Pairs first = load_words(words), high = load_words(words + 32), last = load_words(words + 64);
  add_multiples<G>(rest, bit_field<0, 63, 0>(last), x.sums32[0]);
  add_multiples<G>(rest, bit_field<6, 63, 0>(last), x.sums32[1]);
  add_multiples<G>(rest, either(bit_field<12, 15, 0>(first), bit_field<12, 3, 4>(high)), x.sums32[2]);
  add_multiples<G>(rest, either(bit_field<12, 15, 0>(last), bit_field<14, 3, 4>(high)), x.sums32[3]);
}

// Groups 2 pair and 2 pair + 1 of 32 columns, which share bytes: codes(group, Index), group 0 or 1.
template <int kBits, int G, class Codes>
[[gnu::always_inline]] inline void multiply_pair(const Codes& codes, const int8_t (*q)[G][4], const Pairs& scales,
                                                 Sums<G>& sums) {
  constexpr int K = kPartsAtOnce<G, 2>;
  for_each_index<2 / K>([&](auto turn) __attribute__((always_inline)) {
    const auto of_turn = [&](auto part, auto s) { return codes(Index<decltype(turn){} * K + decltype(part){}>{}, s); };
    multiply_parts<kBits, 8, K, G>(of_turn, q + 8 * K * turn, [&](auto part, const auto& dots) {
      add_scaled(sums, dots, turn * K + part == 0 ? first_of_pairs(scales) : second_of_pairs(scales));
    });
  });
}

// Nibbles of group 0 or 1 of a pair: low or high ones of the same eight vectors.
template <int kWhich>
inline B32 nibbles_of(B32 both) {
  return kWhich == 0 ? low_nibbles(both) : high_nibbles(both);
}

// w = d * scale * code - dmin * min. Low nibbles of 8 vectors are one group of 32, high nibbles the next. kEarly: every
// second pair's codes are loaded before the pair in front of it.
template <bool kEarly = false>
struct PackedQ4_K {
  static constexpr int64_t kBytes = 32 + 96 + 1024;
  static constexpr bool kHasMins = true;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for_each_index<4>([&](auto pair) __attribute__((always_inline)) {
      if constexpr (kEarly && pair % 2 == 0) load_early<256>(w + 384 + 256 * pair);
      const auto codes = [at = w + 128 + 256 * pair](auto group, auto s) {
        return nibbles_of<decltype(group){}>(load_bytes(at + 32 * s));
      };
      multiply_pair<4, G>(codes, x.q + 16 * pair, scales_k4<decltype(pair){}>(w + 32), sums);
    });
    multiply_mins<G>(w + 32, x, rest);
  }
};

// The same with fifth bits: bit g of byte i belongs to column i of group g.
struct PackedQ5_K {
  static constexpr int64_t kBytes = 32 + 96 + 256 + 1024;
  static constexpr bool kHasMins = true;

  template <int G>
  static void multiply(const uint8_t* w, const Group256<G>& x, Sums<G>& sums, Sums<G>& rest) {
    for_each_index<4>([&](auto pair) __attribute__((always_inline)) {
      const auto codes = [w, at = w + 384 + 256 * pair](auto group, auto s) {
        const B32 fifth = bit_field<2 * decltype(pair){} + decltype(group){}, 1, 4>(load_bytes(w + 128 + 32 * s));
        return either(nibbles_of<decltype(group){}>(load_bytes(at + 32 * s)), fifth);
      };
      multiply_pair<5, G>(codes, x.q + 16 * pair, scales_k4<decltype(pair){}>(w + 32), sums);
    });
    multiply_mins<G>(w + 32, x, rest);
  }
};

// The scale of a block, or the part of it that a type counts in.
template <class Type>
inline F8 unit_of(const uint8_t* w) {
  if constexpr (requires { Type::kUnit; }) return mul(load_scales(w), broadcast(Type::kUnit));
  return load_scales(w);
}

// out[t, r] = strip . x[t] for G tokens.
template <class Type, int G, int kDistance = kAhead<G>>
[[gnu::flatten, gnu::noinline]] void multiply_group_256(const uint8_t* w, const Group256<G>* x, int64_t n_blocks,
                                                        float* out) {
  constexpr int n = Lanes<G>::kVectors;
  typename Lanes<G>::Float acc[n];
  for (int i = 0; i < n; ++i) acc[i] = for_tokens<G>(broadcast(0));
  for (int64_t b = 0; b < n_blocks; ++b, w += Type::kBytes, ++x) {
    prefetch_block<kDistance>(w, Type::kBytes);
    Sums<G> sums = {}, rest = {};
    Type::template multiply<G>(w, *x, sums, rest);
    const auto d = for_tokens<G>(unit_of<Type>(w));
    for (int i = 0; i < n; ++i) {
      const auto scale = token_values<G>(x->scale, i);
      if constexpr (Type::kHasMins) {
        const auto lowered = mul(mul(for_tokens<G>(load_scales(w + 16)), negate(scale)), to_float(rest.v[i]));
        acc[i] = add(acc[i], fma(mul(d, scale), to_float(sums.v[i]), lowered));
      } else {
        acc[i] = fma(mul(d, scale), to_float(sums.v[i]), acc[i]);
      }
    }
  }
  for (int i = 0; i < n; ++i) store_tokens<G>(out, i, acc[i]);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
