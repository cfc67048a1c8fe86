// Splits products over weight rows: panels of all products in one list, chunks of neighbouring panels to threads.
#include <algorithm>
#include <memory>

#include "base/error.h"
#include "kernels/levels.h"
#include "kernels/table.h"

namespace fluxmlx::kernels {
namespace {

// Allocated once per thread, on its first product.
PanelScratch& panel_scratch() {
  static thread_local const std::unique_ptr<PanelScratch> scratch = std::make_unique<PanelScratch>();
  return *scratch;
}

void check(const Matrix& w) {
  const TensorTypeInfo& info = tensor_type_info(w.type);
  if (!is_supported(w.type)) fail(ErrorCode::unsupported, "no kernel reads weights of type ", info.name);
  if (w.form == Form::packed && !has_packed(w.type)) {
    fail(ErrorCode::unsupported, "weights of type ", info.name, " have no packed form: give them as blocks");
  }
  if (w.n_cols <= 0 || w.n_cols % info.block_size != 0 || w.n_rows < 0) {
    fail(ErrorCode::invalid_argument, "a matrix of type ", info.name, " has ", w.n_rows, " rows of ", w.n_cols,
         " weights: rows must hold one or more whole blocks of ", info.block_size);
  }
}

// Rows of the strips of all products of a call: the widest that one of them has.
int common_strip_rows(const Forms& forms) { return forms.wide() ? kWideStripRows : kStripRows; }

int64_t count_strips(const Matrix& w, int strip_rows) { return (w.n_rows + strip_rows - 1) / strip_rows; }

// Enough chunks that a slow thread is made up for, each large enough to be worth taking.
int64_t strips_per_chunk(int64_t n_strips, int64_t strip_work, int n_threads) {
  constexpr int64_t least_work = 1 << 14, most_strips = 64;
  const int64_t even = n_strips / (n_threads * int64_t{8});
  return std::clamp<int64_t>(std::max(even, least_work / std::max<int64_t>(strip_work, 1)), 1, most_strips);
}

// Tokens that meet a strip, in whole groups, while their quantised rows stay in the second cache; floats are cut into
// slices instead.
int64_t token_block(const Forms& forms, int64_t n_cols) {
  constexpr int64_t cache = 384 << 10, group = kMostTokenGroup;
  const bool quantised = forms.groups32 || forms.groups256;
  if (!quantised || forms.wide()) return kTokenBlock;
  return std::clamp(cache / (n_cols * 5 / 4 + 1) / group * group, group, int64_t{kTokenBlock});
}

struct Strips {
  int64_t begin, end;
};

// body(strips of a chunk, first token, tokens) for all strips and blocks of tokens; a block's activations stay cached
// over a chunk's strips.
template <class Body>
void for_each_chunk(ThreadPool& pool, int64_t n_strips, int64_t strip_size, int64_t n_tokens, int64_t token_block,
                    const Body& body) {
  const int64_t size = strips_per_chunk(n_strips, strip_size * n_tokens, pool.n_threads());
  pool.parallel_for((n_strips + size - 1) / size, [&](int64_t chunk, int) {
    const Strips strips{chunk * size, std::min(n_strips, (chunk + 1) * size)};
    for (int64_t token = 0; token < n_tokens; token += token_block) {
      body(strips, token, std::min(token_block, n_tokens - token));
    }
  });
}

// The rows of those strips that a matrix has.
Panel panel_of(const Matrix& w, const Strips& strips, int strip_rows, const Activations& x, int64_t token, int64_t n) {
  const int64_t begin = std::max<int64_t>(strips.begin, 0) * strip_rows;
  return {&x, token, n, begin, std::min(strips.end * strip_rows, w.n_rows) - begin};
}

}  // namespace

void linear(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, const InputNorm& norm,
            std::span<const Linear> products, bool asks_ahead) {
  Forms forms;
  for (const Linear& product : products) {
    check(product.w);
    if (product.w.n_cols != products.front().w.n_cols) {
      fail(ErrorCode::invalid_argument, "products of one input have ", products.front().w.n_cols, " and ",
           product.w.n_cols, " columns: they must agree");
    }
    forms.add(product.w);
  }
  const int rows = common_strip_rows(forms);
  int64_t n_strips = 0;
  for (const Linear& product : products) n_strips += count_strips(product.w, rows);
  if (n_strips == 0) return;
  const int64_t n_cols = products.front().w.n_cols;
  const Activations input(table, pool, x, n_tokens, n_cols, norm, forms, asks_ahead);
  const auto body = [&](Strips strips, int64_t token, int64_t n) {
    for (const Linear& product : products) {
      const Panel panel = panel_of(product.w, strips, rows, input, token, n);
      if (panel.n_rows > 0) table.linear(product, panel, panel_scratch());
      const int64_t count = count_strips(product.w, rows);
      strips.begin -= count, strips.end -= count;
    }
  };
  for_each_chunk(pool, n_strips, rows * n_cols, n_tokens, token_block(forms, n_cols), body);
}

void gated_linear(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, const InputNorm& norm,
                  const Gated& products, bool asks_ahead) {
  const Matrix &gate = products.gate, &up = products.up;
  check(gate);
  check(up);
  if (gate.n_rows != up.n_rows || gate.n_cols != up.n_cols) {
    fail(ErrorCode::invalid_argument, "gate is ", gate.n_rows, " x ", gate.n_cols, " and up is ", up.n_rows, " x ",
         up.n_cols, ": they must agree");
  }
  Forms forms;
  forms.add(gate);
  forms.add(up);
  const Activations input(table, pool, x, n_tokens, gate.n_cols, norm, forms, asks_ahead);
  const int rows = common_strip_rows(forms);
  const auto body = [&](const Strips& strips, int64_t token, int64_t n) {
    table.gated_linear(products, panel_of(gate, strips, rows, input, token, n), panel_scratch());
  };
  for_each_chunk(pool, count_strips(gate, rows), 2 * rows * gate.n_cols, n_tokens, token_block(forms, gate.n_cols),
                 body);
}

void embedding(const Table& table, const Matrix& matrix, const int32_t* tokens, int64_t n_tokens, float* y) {
  check(matrix);
  const TensorTypeInfo& info = tensor_type_info(matrix.type);
  const int64_t row_bytes = matrix.n_cols / info.block_size * info.block_bytes;
  const quant::DequantizeFn dequantize = table.find_dequantize(matrix.type);
  std::vector<std::byte> unpacked(matrix.form == Form::packed ? static_cast<size_t>(row_bytes) : 0);
  for (int64_t t = 0; t < n_tokens; ++t) {
    if (matrix.form == Form::packed && has_levels(matrix.type)) {
      unpack_levels_row(matrix, tokens[t], y + t * matrix.n_cols);
      continue;
    }
    if (matrix.form == Form::packed) unpack_row(matrix, tokens[t], unpacked.data());
    const std::byte* row = matrix.form == Form::packed ? unpacked.data() : matrix.data + tokens[t] * row_bytes;
    dequantize(row, matrix.n_cols, y + t * matrix.n_cols);
  }
}

void linear(ThreadPool& pool, const float* x, int64_t n_tokens, const InputNorm& norm, std::span<const Linear> products,
            bool asks_ahead) {
  linear(active_table(), pool, x, n_tokens, norm, products, asks_ahead);
}

void gated_linear(ThreadPool& pool, const float* x, int64_t n_tokens, const InputNorm& norm, const Gated& products,
                  bool asks_ahead) {
  gated_linear(active_table(), pool, x, n_tokens, norm, products, asks_ahead);
}

void embedding(const Matrix& matrix, const int32_t* tokens, int64_t n_tokens, float* y) {
  embedding(active_table(), matrix, tokens, n_tokens, y);
}

}  // namespace fluxmlx::kernels
