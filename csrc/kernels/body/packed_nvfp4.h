#pragma once

#include "kernels/body/packed_tables.h"

// NVFP4: nibbles of kMxfp4Codes with a scale for each 16 columns, 64 of them in a block. GGUF's scales have no sign,
// MLX's have one.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct PackedNVFP4 {
  static constexpr int64_t kBytes = 32 + 256;

  // Columns [16 kHalf, 16 kHalf + 16) of 32, whose codes are values plus 16.
  template <int kHalf, int G>
  [[gnu::always_inline]] static void multiply(const uint8_t* codes, const Group32<G>& x, Sums<G>& sums) {
    const auto vector = [codes](auto s) {
      const B32 both = load_bytes(codes + 64 * kHalf + 32 * (s % 2));
      return look_up_codes<5>(s < 2 ? low_nibbles(both) : high_nibbles(both), kMxfp4Codes);
    };
    multiply_codes<5, 4, G>(vector, x.q + 4 * kHalf, [&](const auto& dots) { add_total(sums, dots); });
    add_multiples<G>(sums, equal_pairs<kHalf == 0 ? -16 : 0, kHalf == 0 ? 0 : -16>(), x.sums16);
  }
};

// out[t, r] = strip . x[t] for G tokens.
template <bool kSigned, int G, int kDistance = kAhead<G>>
[[gnu::flatten, gnu::noinline]] void multiply_group_nvfp4(const uint8_t* w, const Group32<G>* x, int64_t n_blocks,
                                                          float* out) {
  constexpr int n = Lanes<G>::kVectors;
  typename Lanes<G>::Float acc[n];
  for (int i = 0; i < n; ++i) acc[i] = for_tokens<G>(broadcast(0));
  for (int64_t b = 0; b < n_blocks; ++b, w += PackedNVFP4::kBytes, x += 2) {
    prefetch_block<kDistance>(w, PackedNVFP4::kBytes);
    for_each_index<4>([&](auto group) __attribute__((always_inline)) {
      constexpr int k = group;
      Sums<G> sums = {};
      PackedNVFP4::multiply<k % 2, G>(w + 32 + 128 * (k / 2), x[k / 2], sums);
      const auto d = for_tokens<G>(kSigned ? load_half_e4m3(w + 8 * k) : load_half_ue4m3(w + 8 * k));
      for (int i = 0; i < n; ++i) {
        acc[i] = fma(mul(d, token_values<G>(x[k / 2].scale, i)), to_float(sums.v[i]), acc[i]);
      }
    });
  }
  for (int i = 0; i < n; ++i) store_tokens<G>(out, i, acc[i]);
}

template <bool kSigned, int G = kGroup, int kOfOne = 0>
inline void multiply_strip_nvfp4(const std::byte* strip, const std::byte* x, int64_t n_blocks, int64_t n_tokens,
                                 float* out) {
  for (; n_tokens >= G; n_tokens -= G, x += n_blocks * 2 * int64_t{sizeof(Group32<G>)}, out += G * kStripRows) {
    multiply_group_nvfp4<kSigned, G, G == 1 ? kOfOne : kAhead<G>>(
        reinterpret_cast<const uint8_t*>(strip), reinterpret_cast<const Group32<G>*>(x), n_blocks, out);
  }
  if constexpr (G > 1) multiply_strip_nvfp4<kSigned, G / 2, kOfOne>(strip, x, n_blocks, n_tokens, out);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
