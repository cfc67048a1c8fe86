#pragma once

#include "kernels/body/prefetch.h"
#include "kernels/body/unroll.h"
#include "kernels/table.h"

// Products of float activations with wide strips. The sum of one (row, token) is always the same: multiply-adds over
// the columns of a slice in order, beginning with zero, and the slices one after the other. A lane is a row, so tiles
// only decide which sums are under way together.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// How sixteen numbers of a strip become floats.
struct WideF32 {
  using Number = float;
  static F16 read(const float* p) { return load_16(p); }
};
struct WideF16 {
  using Number = uint16_t;
  static F16 read(const uint16_t* p) { return load_half_16(p); }
};
struct WideBF16 {
  using Number = uint16_t;
  static F16 read(const uint16_t* p) { return load_bfloat_16(p); }
};

// n columns of a strip from its row `row` on, and of T tokens.
template <class Number>
struct WidePart {
  const Number* w;  // (n, kWideStripRows)
  const float* x;   // (n, T)
  int64_t n;
  bool is_first;
  float* out;      // of the first token
  int64_t stride;  // from eight rows of out to the next
};

// out[r / 8, t, r % 8] (+)= w[r] . x[t] for 16 V rows.
template <class Type, int V, int T>
inline void add_wide_tile(const WidePart<typename Type::Number>& part) {
  F16 acc[V][T];
  for_each_index<V * T>([&](auto i) { acc[i / T][i % T] = broadcast_as<F16>(0); });
  const typename Type::Number* w = part.w;
  const float* x = part.x;
  for (int64_t k = 0; k < part.n; ++k, w += kWideStripRows, x += T) {
    F16 rows[V];
    for_each_index<V>([&](auto v) { rows[v] = Type::read(w + 16 * v); });
    for_each_index<T>([&](auto t) {
      const F16 number = broadcast_as<F16>(x[t]);
      for_each_index<V>([&](auto v) { acc[v][t] = fma(rows[v], number, acc[v][t]); });
    });
  }
  for_each_index<V * T>([&](auto i) {
    const F16& sum = acc[i / T][i % T];
    float* low = part.out + (i / T) * 2 * part.stride + (i % T) * kPanelRows;
    float* high = low + part.stride;
    store(low, part.is_first ? low_half(sum) : add(load(low), low_half(sum)));
    store(high, part.is_first ? high_half(sum) : add(load(high), high_half(sum)));
  });
}

template <class Type, int T>
inline void add_wide_tiles(const WidePart<typename Type::Number>& part) {
  constexpr int V = vectors_at_once(T);
  add_wide_tile<Type, V, T>(part);
  if constexpr (V == 1) {
    WidePart<typename Type::Number> second = part;
    second.w += 16, second.out += 2 * part.stride;
    add_wide_tile<Type, 1, T>(second);
  }
}

template <class Type, int T = kFloatGroup>
inline void add_wide_group(const WidePart<typename Type::Number>& part, int64_t n_tokens) {
  if (n_tokens == T) {
    add_wide_tiles<Type, T>(part);
  } else if constexpr (T > 1) {
    add_wide_group<Type, T - 1>(part, n_tokens);
  }
}

// Columns of a strip, and the memory that will be read after them.
struct WideSlice {
  int64_t begin, n, n_cols;
  const std::byte* next;
  int64_t next_bytes;
};

// One slice for all tokens of the panel; each group of them asks for its share of what is next.
template <class Type>
inline void add_wide_slice(const typename Type::Number* w, const WideSlice& slice, const Panel& panel, float* out) {
  const int64_t n_groups = (panel.n_tokens + kFloatGroup - 1) / kFloatGroup;
  const int64_t share = (slice.next_bytes / n_groups + 63) / 64 * 64;
  for (int64_t group = 0; group < n_groups; ++group) {
    const int64_t token = group * kFloatGroup, left = panel.n_tokens - token;
    const int64_t size = left < kFloatGroup ? left : kFloatGroup;
    const float* x = panel.x->float_groups + (panel.token + token) * slice.n_cols + slice.begin * size;
    prefetch<2>(slice.next, group * share, share);
    add_wide_group<Type>({w, x, slice.n, slice.begin == 0, out + token * kPanelRows, panel.n_tokens * kPanelRows},
                         size);
  }
}

// Where several groups of tokens follow, a slice becomes floats once for all of them. The next one is asked for
// meanwhile: its own turn is too short to wait for memory.
template <class Type>
inline void multiply_wide_strip(const Matrix& matrix, const Panel& panel, PanelScratch& scratch, float* out) {
  using Number = typename Type::Number;
  constexpr int64_t slice_bytes = kWideSlice * kWideStripRows * sizeof(Number);
  const int64_t n_cols = matrix.n_cols;
  const auto* w = reinterpret_cast<const Number*>(matrix.data) + panel.row * n_cols;
  for (int64_t begin = 0; begin < n_cols; begin += kWideSlice, w += kWideSlice * kWideStripRows) {
    const int64_t n = n_cols - begin < kWideSlice ? n_cols - begin : kWideSlice;
    if (sizeof(Number) == sizeof(float) || panel.n_tokens <= kFloatGroup) {
      add_wide_slice<Type>(w, {begin, n, n_cols, nullptr, 0}, panel, out);
      continue;
    }
    for (int64_t i = 0; i < n * kWideStripRows; i += 16) store(scratch.panel + i, Type::read(w + i));
    const auto* next = reinterpret_cast<const std::byte*>(w + n * kWideStripRows);
    add_wide_slice<WideF32>(scratch.panel, {begin, n, n_cols, next, slice_bytes}, panel, out);
  }
}

// out[r / 8, t, r % 8] = w[row + r] . x[t] for the rows of one strip
inline void multiply_wide(const Matrix& w, const Panel& panel, PanelScratch& scratch, float* out) {
  switch (w.type) {
    case TensorType::F16:
      return multiply_wide_strip<WideF16>(w, panel, scratch, out);
    case TensorType::BF16:
      return multiply_wide_strip<WideBF16>(w, panel, scratch, out);
    default:
      return multiply_wide_strip<WideF32>(w, panel, scratch, out);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
