#pragma once

#include "kernels/body/activation.h"
#include "kernels/body/packed.h"
#include "kernels/body/prefetch.h"
#include "kernels/body/wide_strips.h"
#include "kernels/table.h"

// Products of float activations with dequantised weights, and the epilogues of all products. The sum of one (row,
// token) is always the same: eight lanes over the columns in order, then one fixed tree; tiles only decide which sums
// are under way together.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// acc[r][t] += w[r] . x[t] over n columns; rows of w are padded with zeros to whole vectors.
template <int R, int T>
inline void add_products(const float* w, int64_t stride, const float* const (&x)[T], int64_t n, F8 (&acc)[R][T]) {
  int64_t k = 0;
  for (; k + 8 <= n; k += 8) {
    F8 xs[T];
    for (int t = 0; t < T; ++t) xs[t] = load(x[t] + k);
    for (int r = 0; r < R; ++r) {
      const F8 row = load(w + r * stride + k);
      for (int t = 0; t < T; ++t) acc[r][t] = fma(row, xs[t], acc[r][t]);
    }
  }
  if (k == n) return;
  for (int t = 0; t < T; ++t) {
    const F8 rest = load_first(x[t] + k, static_cast<int>(n - k));
    for (int r = 0; r < R; ++r) acc[r][t] = fma(load(w + r * stride + k), rest, acc[r][t]);
  }
}

// One slice of the columns, dequantised; lanes are the sums so far, out the results after the last slice.
struct Slice {
  const float* panel;
  int64_t stride, n;
  bool is_first, is_last;
  float* lanes;  // (n_tokens, kPanelRows, 8)
  float* out;    // (n_tokens, kPanelRows)
};

// Rows [row, row + R) of the panel and tokens [token, token + T) of the block.
template <int R, int T>
inline void add_tile(const Slice& slice, const float* x, int64_t x_stride, int row, int64_t token) {
  F8 acc[R][T];
  const float* tokens[T];
  for (int t = 0; t < T; ++t) {
    tokens[t] = x + (token + t) * x_stride;
    for (int r = 0; r < R; ++r) {
      const float* lanes = slice.lanes + ((token + t) * kPanelRows + row + r) * 8;
      acc[r][t] = slice.is_first ? broadcast(0) : load(lanes);
    }
  }
  add_products<R, T>(slice.panel + row * slice.stride, slice.stride, tokens, slice.n, acc);
  for (int t = 0; t < T; ++t) {
    float* out = slice.out + (token + t) * kPanelRows + row;
    float* lanes = slice.lanes + ((token + t) * kPanelRows + row) * 8;
    for (int r = 0; r < R; r += 4) {
      if (slice.is_last) reduce_add4(acc[r][t], acc[r + 1][t], acc[r + 2][t], acc[r + 3][t], out + r);
    }
    for (int r = 0; r < R; ++r) {
      if (!slice.is_last) store(lanes + r * 8, acc[r][t]);
    }
  }
}

template <int T>
inline void add_tokens(const Slice& slice, const float* x, int64_t x_stride, int64_t token) {
  if constexpr (T == 1) {
    add_tile<8, 1>(slice, x, x_stride, 0, token);
  } else {
    add_tile<4, T>(slice, x, x_stride, 0, token);
    add_tile<4, T>(slice, x, x_stride, 4, token);
  }
}

inline void add_slice(const Slice& slice, const float* x, int64_t x_stride, int64_t n_tokens) {
  int64_t token = 0;
  for (; token + 3 <= n_tokens; token += 3) add_tokens<3>(slice, x, x_stride, token);
  if (n_tokens - token == 2) add_tokens<2>(slice, x, x_stride, token);
  if (n_tokens - token == 1) add_tokens<1>(slice, x, x_stride, token);
}

// Columns [begin, begin + n) of the panel's rows as floats; missing rows and the last vector's rest are zeros.
inline void fill_panel(const Matrix& w, quant::DequantizeFn dequantize, const Panel& panel, int64_t begin, int64_t n,
                       int64_t stride, float* out) {
  const TensorTypeInfo& info = tensor_type_info(w.type);
  const int64_t row_bytes = w.n_cols / info.block_size * info.block_bytes;
  const std::byte* row = w.data + panel.row * row_bytes + begin / info.block_size * info.block_bytes;
  for (int r = 0; r < panel.n_rows; ++r, row += row_bytes) {
    float* y = out + r * stride;
    for (int64_t i = n; i < stride; ++i) y[i] = 0;
    prefetch(row, kPanelRows * row_bytes, n / info.block_size * info.block_bytes);
    dequantize(row, n, y);
  }
  for (int64_t i = panel.n_rows * stride; i < kPanelRows * stride; ++i) out[i] = 0;
}

// out[t, r] = w[row + r] . x[t], (n_tokens, kPanelRows), for at most kPanelRows rows of blocks
inline void multiply_eight(const Matrix& w, const Panel& panel, PanelScratch& scratch, float* out) {
  const quant::DequantizeFn dequantize = find_dequantize(w.type);
  const int64_t step = w.n_cols <= kWholeRow ? w.n_cols : kSlice;
  const float* x = panel.x->floats + panel.token * w.n_cols;
  for (int64_t begin = 0; begin < w.n_cols; begin += step) {
    const int64_t n = w.n_cols - begin < step ? w.n_cols - begin : step;
    const int64_t stride = (n + 7) / 8 * 8 + 8;  // not a power of two: rows must not meet in one cache set
    fill_panel(w, dequantize, panel, begin, n, stride, scratch.panel);
    const Slice slice{scratch.panel, stride, n, begin == 0, begin + n == w.n_cols, scratch.lanes, out};
    add_slice(slice, x + begin, w.n_cols, panel.n_tokens);
  }
}

// body(the next kRows rows of a panel) for all of them.
template <int kRows, class Body>
inline void for_each_part(const Panel& panel, const Body& body) {
  Panel part = panel;
  for (int64_t left = panel.n_rows; left > 0; left -= kRows, part.row += kRows) {
    part.n_rows = left < kRows ? left : kRows;
    body(part);
  }
}

// body(eight rows of a strip, where their results are)
template <class Body>
inline void for_each_eight(const Panel& strip, float* out, const Body& body) {
  for_each_part<kPanelRows>(strip, [&](const Panel& eight) {
    body(eight, out);
    out += strip.n_tokens * kPanelRows;
  });
}

// out[r / 8, t, r % 8] = w[row + r] . x[t] for at most kWideStripRows rows that are not narrow strips
inline void multiply_wide_or_blocks(const Matrix& w, const Panel& strip, PanelScratch& scratch, float* out) {
  if (w.form == Form::packed) {
    multiply_wide(w, strip, scratch, out);
  } else {
    for_each_eight(strip, out, [&](const Panel& eight, float* y) { multiply_eight(w, eight, scratch, y); });
  }
}

inline bool has_narrow_strips(const Matrix& w) { return w.form == Form::packed && !has_wide_strips(w.type); }

// The panel's rows of one token. Masked stores are slow on Zen 4, and only a last panel needs them.
inline F8 load_rows(const float* p, const Panel& panel) {
  return panel.n_rows == kPanelRows ? load(p) : load_first(p, panel.n_rows);
}
inline void store_rows(float* p, F8 a, const Panel& panel) {
  if (panel.n_rows == kPanelRows) {
    store(p, a);
  } else {
    store_first(p, a, panel.n_rows);
  }
}

inline void finish(const Linear& product, const Panel& panel, const float* sums) {
  const F8 bias = product.bias == nullptr ? broadcast(0) : load_rows(product.bias + panel.row, panel);
  const F8 scale = broadcast(product.scale);
  for (int64_t t = 0; t < panel.n_tokens; ++t) {
    const int64_t offset = (panel.token + t) * product.w.n_rows + panel.row;
    F8 y = load(sums + t * kPanelRows);
    if (product.bias != nullptr) y = add(y, bias);
    if (product.scale != 1) y = mul(y, scale);
    if (product.residual != nullptr) y = add(y, load_rows(product.residual + offset, panel));
    store_rows(product.y + offset, y, panel);
  }
}

// Not a part of linear(), so that the code between two narrow strips stays short; nor are those of gate and up.
[[gnu::noinline]] inline void linear_wide_or_blocks(const Linear& product, const Panel& panel, PanelScratch& scratch) {
  for_each_part<kWideStripRows>(panel, [&](const Panel& strip) {
    multiply_wide_or_blocks(product.w, strip, scratch, scratch.gate);
    for_each_eight(strip, scratch.gate, [&](const Panel& eight, float* sums) { finish(product, eight, sums); });
  });
}

inline void linear(const Linear& product, const Panel& panel, PanelScratch& scratch) {
  if (!has_narrow_strips(product.w)) return linear_wide_or_blocks(product, panel, scratch);
  const StripProducts products(product.w, panel);
  for_each_part<kStripRows>(panel, [&](const Panel& strip) {
    products.multiply(strip.row, scratch.gate);
    finish(product, strip, scratch.gate);
  });
}

inline void add_bias(const float* bias, const Panel& panel, float* y) {
  if (bias == nullptr) return;
  const F8 rows = load_rows(bias + panel.row, panel);
  for (int64_t t = 0; t < panel.n_tokens; ++t) store(y + t * kPanelRows, add(load(y + t * kPanelRows), rows));
}

inline void finish(const Gated& products, const Panel& panel, float* gates, float* ups) {
  add_bias(products.gate_bias, panel, gates);
  add_bias(products.up_bias, panel, ups);
  for (int64_t t = 0; t < panel.n_tokens; ++t) {
    const F8 gate = load(gates + t * kPanelRows), up = load(ups + t * kPanelRows);
    float* out = products.y + (panel.token + t) * products.gate.n_rows + panel.row;
    store_rows(out, activate(products.activation, gate, up), panel);
  }
}

// out[r / 8, t, r % 8] = w[row + r] . x[t] for at most kWideStripRows rows of any form
inline void multiply_rows(const Matrix& w, const Panel& strip, PanelScratch& scratch, float* out) {
  if (has_narrow_strips(w)) {
    for_each_eight(strip, out, [&](const Panel& eight, float* y) { StripProducts(w, eight).multiply(eight.row, y); });
  } else {
    multiply_wide_or_blocks(w, strip, scratch, out);
  }
}

[[gnu::noinline]] inline void gated_wide_or_blocks(const Gated& products, const Panel& panel, PanelScratch& scratch) {
  for_each_part<kWideStripRows>(panel, [&](const Panel& strip) {
    multiply_rows(products.gate, strip, scratch, scratch.gate);
    multiply_rows(products.up, strip, scratch, scratch.up);
    for_each_eight(strip, scratch.gate, [&](const Panel& eight, float* gates) {
      finish(products, eight, gates, scratch.up + (gates - scratch.gate));
    });
  });
}

// Strips of gate and up in turn: the processor fetches what follows in one while the other is multiplied.
inline void gated_linear(const Gated& products, const Panel& panel, PanelScratch& scratch) {
  if (!has_narrow_strips(products.gate) || !has_narrow_strips(products.up)) {
    return gated_wide_or_blocks(products, panel, scratch);
  }
  const StripProducts gate(products.gate, panel), up(products.up, panel);
  for_each_part<kStripRows>(panel, [&](const Panel& strip) {
    gate.multiply(strip.row, scratch.gate);
    up.multiply(strip.row, scratch.up);
    finish(products, strip, scratch.gate, scratch.up);
  });
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
