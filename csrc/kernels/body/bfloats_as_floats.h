#pragma once

#include "kernels/body/bfloats.h"

// BF16 where no instruction multiplies it: pairs of columns become floats, the second column first.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct WideBfloats : WideF32 {
  using Expanded = WideBfloats;

  static F16 multiply_add(const F16& rows, const F16& x, const F16& sum) { return fma_flushed(rows, x, sum); }
  static F8 add_slices(const F8& a, const F8& b) { return add_flushed(a, b); }
};

struct WideBfloatPairs : WideBfloats {
  using Number = uint32_t;
  static constexpr int kColumns = 2, kInputs = 2;

  template <int kInput>
  static F16 read(const uint32_t* p) {
    return kInput == 0 ? load_second_bfloats_16(p) : load_first_bfloats_16(p);
  }
};

inline float as_float(uint32_t bfloat) { return std::bit_cast<float>(bfloat << 16); }

inline void pair_bfloats(const float* rows, int64_t n_tokens, int64_t n_cols, std::byte* y) {
  auto* out = reinterpret_cast<float*>(y);
  for_each_pair(rows, n_tokens, n_cols, [=](int64_t pair, int64_t token, uint32_t first, uint32_t second) {
    out[2 * pair * n_tokens + token] = as_float(second);
    out[(2 * pair + 1) * n_tokens + token] = as_float(first);
  });
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
