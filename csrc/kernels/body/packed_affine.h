#pragma once

#include "kernels/body/packed_32.h"

// Groups of 32, 64 or 128 columns with one scale and one bias, w = scale * code + bias, as MLX quantises. Codes are
// nibbles or bytes, 32 columns after 32. A group has one sum for all of its columns.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Eight numbers, one per row.
template <TensorType kScale>
inline F8 load_numbers(const uint8_t* p) {
  if constexpr (kScale == TensorType::F16) {
    return load_scales(p);
  } else if constexpr (kScale == TensorType::BF16) {
    return load_bfloat(reinterpret_cast<const uint16_t*>(p));
  } else {
    return load(reinterpret_cast<const float*>(p));
  }
}

template <int kBits>
inline auto affine_codes(const uint8_t* p) {
  if constexpr (kBits == 4) {
    return nibbles(p);
  } else {
    return [p](auto s) { return load_bytes(p + 32 * s); };
  }
}

template <int kBits, TensorType kScale>
struct PackedAffine {
  static constexpr int64_t kNumberBytes = kScale == TensorType::F32 ? 32 : 16;
  static constexpr int64_t kPartBytes = 32 * kBits;
  static constexpr int64_t group_bytes(int n_parts) { return 2 * kNumberBytes + n_parts * kPartBytes; }
};

// out[t, r] = strip . x[t] for G tokens; a group has n_parts times 32 columns.
template <int kBits, TensorType kScale, int G, int kDistance = kAhead<G>>
[[gnu::flatten, gnu::noinline]] void multiply_group_affine(const uint8_t* w, const Group32<G>* x, int64_t n_groups,
                                                           int n_parts, float* out) {
  using Type = PackedAffine<kBits, kScale>;
  constexpr int n = Lanes<G>::kVectors;
  typename Lanes<G>::Float acc[n];
  for (int i = 0; i < n; ++i) acc[i] = for_tokens<G>(broadcast(0));
  for (int64_t b = 0; b < n_groups; ++b, w += Type::group_bytes(n_parts), x += n_parts) {
    typename Lanes<G>::Float inner[n];
    for (int i = 0; i < n; ++i) inner[i] = for_tokens<G>(broadcast(0));
    for (int part = 0; part < n_parts; ++part) {
      const uint8_t* codes = w + 2 * Type::kNumberBytes + part * Type::kPartBytes;
      prefetch_block<kDistance>(codes, Type::kPartBytes);
      Sums<G> sums = {};
      multiply_32<kBits>(affine_codes<kBits>(codes), x[part], sums);
      lower<kBits, 0>(sums, x[part]);
      for (int i = 0; i < n; ++i) {
        inner[i] = fma(token_values<G>(x[part].scale, i), to_float(sums.v[i]), inner[i]);
      }
    }
    const auto scale = for_tokens<G>(load_numbers<kScale>(w));
    const auto bias = for_tokens<G>(load_numbers<kScale>(w + Type::kNumberBytes));
    for (int i = 0; i < n; ++i) {
      auto sum = token_values<G>(x->sum, i);
      for (int part = 1; part < n_parts; ++part) sum = add(sum, token_values<G>(x[part].sum, i));
      acc[i] = fma(bias, sum, fma(scale, inner[i], acc[i]));
    }
  }
  for (int i = 0; i < n; ++i) store_tokens<G>(out, i, acc[i]);
}

template <int kBits, TensorType kScale, int kParts, int G = kGroup, int kOfOne = 0>
inline void multiply_strip_affine(const std::byte* strip, const std::byte* x, int64_t n_groups, int64_t n_tokens,
                                  float* out) {
  constexpr int64_t group_bytes = kParts * int64_t{sizeof(Group32<G>)};
  for (; n_tokens >= G; n_tokens -= G, x += n_groups * group_bytes, out += G * kStripRows) {
    multiply_group_affine<kBits, kScale, G, G == 1 ? kOfOne : kAhead<G>>(
        reinterpret_cast<const uint8_t*>(strip), reinterpret_cast<const Group32<G>*>(x), n_groups, kParts, out);
  }
  if constexpr (G > 1) multiply_strip_affine<kBits, kScale, kParts, G / 2, kOfOne>(strip, x, n_groups, n_tokens, out);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
