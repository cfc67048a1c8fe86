#pragma once

#include <bit>
#include <cstring>

#include "kernels/body/wide_strips.h"

// Products of strips of BF16 with activations that are rounded to BF16, as VDPBF16PS defines them (Intel SDM, volume
// 2): of each pair of columns the second is multiplied and added first, each multiply-add is rounded once, and
// subnormal numbers are zeros, as operands and as results. Instruction sets without it do the same with floats.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// To nearest, ties to even; subnormal numbers become zeros, and NaN quiet.
inline uint32_t round_bfloat(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x), exponent = bits & 0x7f800000u;
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16, cut = bits >> 16;
  const uint32_t special = (bits & 0x7fffffu) != 0 ? cut | 0x40u : cut;
  return exponent == 0x7f800000u ? special : exponent == 0 ? cut & 0x8000u : rounded;
}

// put(pair, token, first, second) for rows (n_tokens, n_cols): the two numbers of each pair of columns, rounded
template <class Put>
inline void for_each_pair(const float* rows, int64_t n_tokens, int64_t n_cols, const Put& put) {
  constexpr int64_t step = 16;  // a line of each row at a time
  for (int64_t begin = 0; begin < n_cols; begin += step) {
    const int64_t end = begin + step < n_cols ? begin + step : n_cols;
    for (int64_t t = 0; t < n_tokens; ++t) {
      const float* row = rows + t * n_cols;
      for (int64_t k = begin; k < end; k += 2) {
        put(k / 2, t, round_bfloat(row[k]), k + 1 < n_cols ? round_bfloat(row[k + 1]) : 0u);
      }
    }
  }
}

// The last slice of a strip whose columns are odd: the column without another gets zeros, in working memory.
inline const uint32_t* fill_pairs(const uint32_t* w, int64_t n_whole, uint32_t* filled) {
  std::memcpy(filled, w, static_cast<size_t>(n_whole) * kWideStripRows * sizeof(uint32_t));
  const auto* last = reinterpret_cast<const uint16_t*>(w + n_whole * kWideStripRows);
  for (int r = 0; r < kWideStripRows; ++r) filled[n_whole * kWideStripRows + r] = last[r];
  return filled;
}

// Not inlined: what it computes stays between the two ends of its caller's mode, which the sums of slices need too.
template <class Type>
[[gnu::noinline]] inline void multiply_pairs(const Matrix& w, const Panel& panel, PanelScratch& scratch, float* out) {
  constexpr int64_t slice = kWideSlice / 2;
  const auto* x = reinterpret_cast<const typename Type::Input*>(panel.x->bfloat_groups);
  const auto* strip = reinterpret_cast<const uint32_t*>(w.data + panel.row * w.n_cols * int64_t{sizeof(uint16_t)});
  const int64_t n_pairs = w.n_cols / 2;
  if (w.n_cols % 2 == 0) return multiply_wide_strip<Type>(strip, x, {0, n_pairs, n_pairs}, panel, scratch, out);
  const int64_t whole = n_pairs / slice * slice;
  auto* filled = reinterpret_cast<uint32_t*>(scratch.lanes);
  multiply_wide_strip<Type>(strip, x, {0, whole, n_pairs + 1}, panel, scratch, out);
  multiply_wide_strip<Type>(fill_pairs(strip + whole * kWideStripRows, n_pairs - whole, filled), x,
                            {whole, n_pairs + 1 - whole, n_pairs + 1}, panel, scratch, out);
}

template <class Type>
inline void multiply_bfloats(const Matrix& w, const Panel& panel, PanelScratch& scratch, float* out) {
  const auto mode = flush_subnormals();
  multiply_pairs<Type>(w, panel, scratch, out);
  restore_mode(mode);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
