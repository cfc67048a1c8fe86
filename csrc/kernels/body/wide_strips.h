#pragma once

#include <type_traits>

#include "kernels/body/prefetch.h"
#include "kernels/body/unroll.h"
#include "kernels/table.h"

// Products of wide strips. The sum of one (row, token) is always the same: multiply-adds over the columns of a slice,
// beginning with zero, and the slices one after the other. A lane is a row, so tiles only decide which sums are under
// way together.
//
// A Type says how sixteen rows of a strip meet a token:
//   Number    what a strip holds of a row in one place: kColumns columns
//   Input     what a token brings, kInputs of them for each Number
//   Expanded  the type that a slice becomes where many tokens follow; itself for those that are read at once
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Floats in the order of the columns.
struct WideF32 {
  using Number = float;
  using Input = float;
  using Expanded = WideF32;
  static constexpr int kColumns = 1, kInputs = 1;

  template <int>
  static F16 read(const float* p) {
    return load_16(p);
  }
  static F16 broadcast(float x) { return broadcast_as<F16>(x); }
  static F16 multiply_add(const F16& rows, const F16& x, const F16& sum) { return fma(rows, x, sum); }
  static F8 add_slices(F8 a, F8 b) { return add(a, b); }
};

struct WideF16 : WideF32 {
  using Number = uint16_t;

  template <int>
  static F16 read(const uint16_t* p) {
    return load_half_16(p);
  }
};

// A slice's numbers of a strip, and the inputs of T tokens.
template <class Type>
struct WidePart {
  const typename Type::Number* w;  // (n, kWideStripRows)
  const typename Type::Input* x;   // (n, kInputs, T)
  int64_t n;
  bool is_first;
  float* out;      // of the first token
  int64_t stride;  // from eight rows of out to the next
};

template <class Type>
inline void add_or_store(const WidePart<Type>& part, float* out, const F8& sum) {
  store(out, part.is_first ? sum : Type::add_slices(load(out), sum));
}

// out[r / 8, t, r % 8] (+)= w[r] . x[t] for 16 V rows.
template <class Type, int V, int T>
inline void add_wide_tile(const WidePart<Type>& part) {
  F16 acc[V][T];
  for_each_index<V * T>([&](auto i) { acc[i / T][i % T] = broadcast_as<F16>(0); });
  const auto* w = part.w;
  const auto* x = part.x;
  for (int64_t k = 0; k < part.n; ++k, w += kWideStripRows, x += Type::kInputs * T) {
    for_each_index<Type::kInputs>([&](auto i) __attribute__((always_inline)) {
      decltype(Type::template read<i>(w)) rows[V];
      for_each_index<V>([&](auto v) { rows[v] = Type::template read<i>(w + 16 * v); });
      for_each_index<T>([&](auto t) {
        const auto number = Type::broadcast(x[i * T + t]);
        for_each_index<V>([&](auto v) { acc[v][t] = Type::multiply_add(rows[v], number, acc[v][t]); });
      });
    });
  }
  for_each_index<V * T>([&](auto i) {
    float* low = part.out + (i / T) * 2 * part.stride + (i % T) * kPanelRows;
    add_or_store(part, low, low_half(acc[i / T][i % T]));
    add_or_store(part, low + part.stride, high_half(acc[i / T][i % T]));
  });
}

template <class Type, int T>
inline void add_wide_tiles(const WidePart<Type>& part) {
  constexpr int V = vectors_at_once(T);
  add_wide_tile<Type, V, T>(part);
  if constexpr (V == 1) {
    WidePart<Type> second = part;
    second.w += 16, second.out += 2 * part.stride;
    add_wide_tile<Type, 1, T>(second);
  }
}

template <class Type, int T = kFloatGroup>
inline void add_wide_group(const WidePart<Type>& part, int64_t n_tokens) {
  if (n_tokens == T) {
    add_wide_tiles<Type, T>(part);
  } else if constexpr (T > 1) {
    add_wide_group<Type, T - 1>(part, n_tokens);
  }
}

// Numbers [begin, begin + n) of rows that have n_row, and the memory that will be read after them.
struct WideSlice {
  int64_t begin, n, n_row;
  const std::byte* next = nullptr;
  int64_t next_bytes = 0;
};

// One slice for all tokens of the panel, whose inputs are x; each group of them asks for its share of what is next.
template <class Type>
inline void add_wide_slice(const typename Type::Number* w, const typename Type::Input* x, const WideSlice& slice,
                           const Panel& panel, float* out) {
  const int64_t n_groups = (panel.n_tokens + kFloatGroup - 1) / kFloatGroup;
  const int64_t share = (slice.next_bytes / n_groups + 63) / 64 * 64;
  for (int64_t group = 0; group < n_groups; ++group) {
    const int64_t token = group * kFloatGroup, left = panel.n_tokens - token;
    const int64_t size = left < kFloatGroup ? left : kFloatGroup;
    const auto* inputs = x + ((panel.token + token) * slice.n_row + slice.begin * size) * Type::kInputs;
    prefetch<2>(slice.next, group * share, share);
    const bool is_first = slice.begin == 0;
    add_wide_group<Type>({w, inputs, slice.n, is_first, out + token * kPanelRows, panel.n_tokens * kPanelRows}, size);
  }
}

// The same where several groups of tokens follow: a slice becomes floats once for all of them. The next one is asked
// for meanwhile: its own turn is too short to wait for memory.
template <class Type>
inline void expand_wide_slice(const typename Type::Number* w, const typename Type::Input* x, const WideSlice& slice,
                              const Panel& panel, PanelScratch& scratch, float* out) {
  float* y = scratch.panel;
  for (int64_t k = 0; k < slice.n; ++k, w += kWideStripRows) {
    for_each_index<Type::kInputs>([&](auto i) {
      for (int r = 0; r < kWideStripRows; r += 16, y += 16) store(y, Type::template read<i>(w + r));
    });
  }
  constexpr int n = Type::kInputs;
  const WideSlice floats{slice.begin * n, slice.n * n, slice.n_row * n, slice.next, slice.next_bytes};
  add_wide_slice<typename Type::Expanded>(scratch.panel, x, floats, panel, out);
}

// Slice after slice of a part of a strip's columns, which begins at w. x: the panel's inputs as the type wants them.
template <class Type>
inline void multiply_wide_strip(const typename Type::Number* w, const typename Type::Input* x, const WideSlice& part,
                                const Panel& panel, PanelScratch& scratch, float* out) {
  constexpr int64_t size = kWideSlice / Type::kColumns;
  constexpr bool at_once = std::is_same_v<Type, typename Type::Expanded>;
  for (int64_t done = 0; done < part.n; done += size, w += size * kWideStripRows) {
    WideSlice slice{part.begin + done, part.n - done < size ? part.n - done : size, part.n_row};
    if constexpr (!at_once) {
      if (panel.n_tokens > kFloatGroup) {
        slice.next = reinterpret_cast<const std::byte*>(w + slice.n * kWideStripRows);
        slice.next_bytes = size * kWideStripRows * static_cast<int64_t>(sizeof(typename Type::Number));
        expand_wide_slice<Type>(w, x, slice, panel, scratch, out);
        continue;
      }
    }
    add_wide_slice<Type>(w, x, slice, panel, out);
  }
}

template <class Type>
inline void multiply_floats(const Matrix& w, const Panel& panel, PanelScratch& scratch, float* out) {
  const auto* strip = reinterpret_cast<const typename Type::Number*>(w.data) + panel.row * w.n_cols;
  multiply_wide_strip<Type>(strip, panel.x->float_groups, {0, w.n_cols, w.n_cols}, panel, scratch, out);
}

// out[r / 8, t, r % 8] = w[row + r] . x[t] for the rows of one strip
inline void multiply_wide(const Matrix& w, const Panel& panel, PanelScratch& scratch, float* out) {
  switch (w.type) {
    case TensorType::F16:
      return multiply_floats<WideF16>(w, panel, scratch, out);
    case TensorType::BF16:
      return panel.x->table.bfloats.multiply(w, panel, scratch, out);
    default:
      return multiply_floats<WideF32>(w, panel, scratch, out);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
