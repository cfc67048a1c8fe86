#pragma once

#include "kernels/avx512/wide.h"

// The body comes after the vector type that it is written over.
#include "kernels/body/bfloats.h"

// Strips of BF16 by the instruction for them: a lane multiplies and adds the pairs of a row.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct WideBfloatPairs {
  using Number = uint32_t;
  using Input = uint32_t;
  using Expanded = WideBfloatPairs;
  static constexpr int kColumns = 2, kInputs = 1;

  template <int>
  static __m512bh read(const uint32_t* p) {
    return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p));
  }
  static __m512bh broadcast(uint32_t pair) {
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(pair)));
  }
  static F16 multiply_add(__m512bh rows, __m512bh x, F16 sum) { return {_mm512_dpbf16_ps(sum.v, rows, x)}; }
  static F8 add_slices(F8 a, F8 b) { return add_flushed(a, b); }
};

inline void pair_bfloats(const float* rows, int64_t n_tokens, int64_t n_cols, std::byte* y) {
  auto* out = reinterpret_cast<uint32_t*>(y);
  for_each_pair(rows, n_tokens, n_cols, [=](int64_t pair, int64_t token, uint32_t first, uint32_t second) {
    out[pair * n_tokens + token] = second << 16 | first;
  });
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
