#pragma once

#include <bit>

#include "kernels/activations.h"
#include "kernels/body/unroll.h"

// Packed types with one scale per 32 columns. A type reads one block of a strip: its scales, and the integer products
// of the codes with a group of tokens.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Eight halves, one per row.
inline F8 load_scales(const uint8_t* p) { return load_half(reinterpret_cast<const uint16_t*>(p)); }

// How far ahead the second cache is asked for codes. Where tokens share a block, products take as long as the memory,
// and the processor alone looks ahead too little to have both go on at once; few tokens leave room for more lines on
// their way. Decision 038 has the measurements. One token may ask or not: decision 044.
inline constexpr int kAheadOfOne = 8192, kAheadOfOneQ8_0 = 6144, kAheadOfOneSuper = 16384;
template <int G>
inline constexpr int kAhead = G == 1   ? 0
                              : G <= 4 ? 16384
                                       : 4096;

// Asks for the block of n bytes that is so far ahead, which may be behind the end.
template <int kDistance>
inline void prefetch_block(const uint8_t* w, int64_t n) {
  if constexpr (kDistance > 0) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(w) + kDistance;
    const uintptr_t end = begin + static_cast<uintptr_t>(n);
    for (uintptr_t p = begin; p < end; p += 64) __builtin_prefetch(reinterpret_cast<const void*>(p), 0, 2);
  }
}

// Loads a byte of each line of kBytes, in order and before the products that follow: decision 044.
template <int kBytes>
[[gnu::always_inline]] inline void load_early(const uint8_t* p) {
  for_each_index<(kBytes + 63) / 64>([&](auto line) __attribute__((always_inline)) {
    static_cast<void>(*static_cast<const volatile uint8_t*>(p + 64 * line));
  });
  asm volatile("" : : : "memory");
}

// How many of N parts that share bytes have their sums under way at once. Of one token all: each byte is read once, and
// memory at an even pace. More tokens fill the registers with the sums of one part.
template <int G, int N>
inline constexpr int kPartsAtOnce = Lanes<G>::kVectors == 1 ? N : 1;

// K parts that are eight vectors apart: N vectors of codes of each, codes(part, Index), times q, N times four columns;
// finish(part, dots) as often as a Dots is full. One part of one token would have one sum, whose products wait for each
// other: it has kChains.
template <int kBits, int N, int K, int G, class Codes, class Finish>
[[gnu::always_inline]] inline void multiply_parts(const Codes& codes, const int8_t (*q)[G][4], const Finish& finish) {
  constexpr int C = Lanes<G>::kVectors == 1 && N == 8 && K == 1 ? kChains : 1;
  constexpr int run = N / C < kMostProducts<kBits> ? N / C : kMostProducts<kBits>;
  for_each_index<N / run / C>([&](auto turn) __attribute__((always_inline)) {
    Dots<kBits, G> dots[C][K] = {};
    for_each_index<run * C * K>([&](auto i) __attribute__((always_inline)) {
      constexpr int part = decltype(i){} % K, chain = decltype(i){} / K % C;
      constexpr int place = (decltype(turn){} * C + chain) * run + decltype(i){} / K / C;
      add_products(dots[chain][part], codes(Index<part>{}, Index<place>{}), q[8 * part + place]);
    });
    for_each_index<C * K>(
        [&](auto i) __attribute__((always_inline)) { finish(Index<decltype(i){} % K>{}, dots[i / K][i % K]); });
  });
}

// The same of one part: codes(Index), finish(dots).
template <int kBits, int N, int G, class Codes, class Finish>
[[gnu::always_inline]] inline void multiply_codes(const Codes& codes, const int8_t (*q)[G][4], const Finish& finish) {
  multiply_parts<kBits, N, 1, G>([&](auto, auto s) { return codes(s); }, q,
                                 [&](auto, const auto& dots) { finish(dots); });
}

// The 32 columns of a block.
template <int kBits, int G, class Codes>
[[gnu::always_inline]] inline void multiply_32(const Codes& codes, const Group32<G>& x, Sums<G>& sums) {
  multiply_codes<kBits, 8, G>(codes, x.q, [&](const auto& dots) { add_total(sums, dots); });
}

// Takes the offset of all codes of kBits bits off the sums: 8, 16, 128 or none.
template <int kBits, int kOffset, int G>
inline void lower(Sums<G>& sums, const Group32<G>& x) {
  constexpr int left = kOffset - kTakenOff<kBits>;
  if constexpr (left != 0) {
    constexpr int shift = std::countr_zero(static_cast<unsigned>(left)) - 3;
    static_assert(left == 8 << shift || left == -(8 << shift));
    for (int i = 0; i < Lanes<G>::kVectors; ++i) {
      const auto offsets = shift_left<shift>(token_values<G>(x.lowered, i));
      sums.v[i] = left > 0 ? add(sums.v[i], offsets) : sub(sums.v[i], offsets);
    }
  }
}

// sums -= b 2^kShift
template <int kShift, int G>
inline void sub_shifted(Sums<G>& sums, const Sums<G>& b) {
  for (int i = 0; i < Lanes<G>::kVectors; ++i) sums.v[i] = sub(sums.v[i], shift_left<kShift>(b.v[i]));
}

// Vectors 0 to 3 of nibbles: low ones are columns 4 s to 4 s + 3, high ones 16 columns further.
inline auto nibbles(const uint8_t* p) {
  return [p](auto s) {
    const B32 both = load_bytes(p + 32 * (s % 4));
    return s < 4 ? low_nibbles(both) : high_nibbles(both);
  };
}

// w = d * (code - 8)
struct PackedQ4_0 {
  static constexpr int64_t kBytes = 16 + 128;
  static constexpr bool kHasMins = false;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  template <int G>
  static void multiply(const uint8_t* w, const Group32<G>& x, Sums<G>& sums) {
    multiply_32<4>(nibbles(w + 16), x, sums);
    lower<4, 8>(sums, x);
  }
};

// w = d * code + min
struct PackedQ4_1 {
  static constexpr int64_t kBytes = 32 + 128;
  static constexpr bool kHasMins = true;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  static F8 min(const uint8_t* w) { return load_scales(w + 16); }
  template <int G>
  static void multiply(const uint8_t* w, const Group32<G>& x, Sums<G>& sums) {
    multiply_32<4>(nibbles(w + 32), x, sums);
  }
};

// Nibbles with fifth bits: bit s of byte j is that of column 4 s + j.
inline auto five_bits(const uint8_t* p) {
  return [p](auto s) { return either(nibbles(p + 32)(s), bit_field<decltype(s){}, 1, 4>(load_bytes(p))); };
}

// w = d * (code - 16)
struct PackedQ5_0 {
  static constexpr int64_t kBytes = 16 + 32 + 128;
  static constexpr bool kHasMins = false;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  template <int G>
  static void multiply(const uint8_t* w, const Group32<G>& x, Sums<G>& sums) {
    multiply_32<5>(five_bits(w + 16), x, sums);
    lower<5, 16>(sums, x);
  }
};

// w = d * code + min
struct PackedQ5_1 {
  static constexpr int64_t kBytes = 32 + 32 + 128;
  static constexpr bool kHasMins = true;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  static F8 min(const uint8_t* w) { return load_scales(w + 16); }
  template <int G>
  static void multiply(const uint8_t* w, const Group32<G>& x, Sums<G>& sums) {
    multiply_32<5>(five_bits(w + 32), x, sums);
  }
};

// Codes are stored plus 128.
struct PackedQ8_0 {
  static constexpr int64_t kBytes = 16 + 256;
  static constexpr bool kHasMins = false;
  static F8 scale(const uint8_t* w) { return load_scales(w); }
  template <int G>
  static void multiply(const uint8_t* w, const Group32<G>& x, Sums<G>& sums) {
    const auto codes = [w](auto s) { return load_bytes(w + 16 + 32 * s); };
    multiply_32<8>(codes, x, sums);
    lower<8, 128>(sums, x);
  }
};

// out[t, r] = strip . x[t] for G tokens.
template <class Type, int G, int kDistance = kAhead<G>>
[[gnu::flatten, gnu::noinline]] void multiply_group_32(const uint8_t* w, const Group32<G>* x, int64_t n_blocks,
                                                       float* out) {
  constexpr int n = Lanes<G>::kVectors;
  typename Lanes<G>::Float acc[n];
  for (int i = 0; i < n; ++i) acc[i] = for_tokens<G>(broadcast(0));
  for (int64_t b = 0; b < n_blocks; ++b, w += Type::kBytes, ++x) {
    prefetch_block<kDistance>(w, Type::kBytes);
    Sums<G> sums = {};
    Type::template multiply<G>(w, *x, sums);
    const auto d = for_tokens<G>(Type::scale(w));
    for (int i = 0; i < n; ++i) {
      const auto scale = mul(d, token_values<G>(x->scale, i));
      if constexpr (Type::kHasMins) {
        const auto raised = mul(for_tokens<G>(Type::min(w)), token_values<G>(x->sum, i));
        acc[i] = add(acc[i], fma(scale, to_float(sums.v[i]), raised));
      } else {
        acc[i] = fma(scale, to_float(sums.v[i]), acc[i]);
      }
    }
  }
  for (int i = 0; i < n; ++i) store_tokens<G>(out, i, acc[i]);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
