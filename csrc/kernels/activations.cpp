// The input rows of products: normed, and quantised for packed weights, once however many products share them.
#include "kernels/activations.h"

#include <algorithm>

#include "base/scratch.h"
#include "kernels/table.h"

namespace fluxmlx::kernels {
namespace {

std::byte* thread_memory(int64_t n_bytes) {
  static thread_local Scratch scratch;
  return scratch.reserve(static_cast<size_t>(n_bytes));
}

int64_t whole_lines(int64_t n_bytes) { return (n_bytes + 63) / 64 * 64; }

// Rows (n_tokens, n_cols) to columns (n_cols, n_tokens), a line of each row at a time.
void transpose(const float* rows, int64_t n_tokens, int64_t n_cols, float* y) {
  constexpr int64_t step = 16;
  for (int64_t begin = 0; begin < n_cols; begin += step) {
    const int64_t end = std::min(n_cols, begin + step);
    for (int64_t t = 0; t < n_tokens; ++t) {
      for (int64_t k = begin; k < end; ++k) y[k * n_tokens + t] = rows[t * n_cols + k];
    }
  }
}

// Rows that one thread prepares: fewer are not worth it, and groups of floats are whole.
constexpr int64_t kChunkRows = kMostFloatGroup;

// The rows as they come, and what is wanted of them.
struct InputRows {
  const Table& table;
  const float* x;
  int64_t n_tokens, n_cols;
  const InputNorm& norm;
  const Forms& forms;

  bool normed() const { return norm.weight != nullptr; }
  bool grouped() const { return forms.float_groups && n_tokens > 1; }  // one token is a group as it is
  bool transposed() const { return grouped() || forms.bfloat_groups; }
  bool plain() const { return forms.floats || (forms.float_groups && !grouped()); }
  bool are_ready() const { return !normed() && !transposed() && !forms.groups32 && !forms.groups256; }
  // Where nobody wants floats as they are, each thread keeps the normed rows of one chunk or only the last.
  int64_t n_kept() const { return transposed() ? kChunkRows : 1; }
  int64_t n_normed(int n_threads) const { return !normed() ? 0 : plain() ? n_tokens : n_threads * n_kept(); }
};

// Where their forms lie, in memory of the calling thread.
struct Places {
  std::byte *groups32, *groups256, *bfloat_groups;
  float *float_groups, *normed;
};

Places reserve(const InputRows& rows, int n_threads, const Activations& input) {
  const auto n_bytes = [&](bool wanted, int64_t row_bytes) {
    return wanted ? whole_lines(rows.n_tokens * row_bytes) : 0;
  };
  const int64_t n_bytes32 = n_bytes(rows.forms.groups32, input.row_bytes32);
  const int64_t n_bytes256 = n_bytes(rows.forms.groups256, input.row_bytes256);
  const int64_t n_bytes_bfloat = n_bytes(rows.forms.bfloat_groups, input.row_bytes_bfloat);
  const int64_t n_grouped = rows.grouped() ? rows.n_tokens * rows.n_cols : 0;
  const int64_t n_floats = n_grouped + rows.n_normed(n_threads) * rows.n_cols;
  std::byte* const memory =
      thread_memory(n_bytes32 + n_bytes256 + n_bytes_bfloat + n_floats * static_cast<int64_t>(sizeof(float)));
  std::byte* const bfloats = memory + n_bytes32 + n_bytes256;
  auto* const floats = reinterpret_cast<float*>(bfloats + n_bytes_bfloat);
  return {memory, memory + n_bytes32, bfloats, floats, floats + n_grouped};
}

void quantize(const InputRows& rows, const Activations& input, const Places& places, const float* row, int64_t t) {
  const TokenGroup group = group_of(t, rows.n_tokens, rows.table.token_group);
  const auto place = [&](std::byte* memory, int64_t row_bytes) {
    return GroupPlace{memory + group.begin * row_bytes, group.size, static_cast<int>(t - group.begin)};
  };
  if (rows.forms.groups32) rows.table.quantize_32(row, rows.n_cols, place(places.groups32, input.row_bytes32));
  if (rows.forms.groups256) rows.table.quantize_256(row, rows.n_cols, place(places.groups256, input.row_bytes256));
}

// The rows [begin, end) of one chunk in every form.
void prepare(const InputRows& rows, const Activations& input, const Places& places, int64_t begin, int64_t end,
             int thread) {
  const auto normed_row = [&](int64_t t) {
    const int64_t kept = rows.plain() ? t : thread * rows.n_kept() + (rows.transposed() ? t - begin : 0);
    return places.normed + kept * rows.n_cols;
  };
  for (int64_t t = begin; t < end; ++t) {
    const float* row = rows.x + t * rows.n_cols;
    if (rows.normed()) {
      float* y = normed_row(t);
      rows.table.norm_row(row, rows.n_cols, rows.norm, y);
      row = y;
    }
    quantize(rows, input, places, row, t);
  }
  if (!rows.transposed()) return;
  for (int64_t t = begin; t < end; t += rows.table.float_group) {
    const int64_t size = std::min<int64_t>(rows.table.float_group, end - t);
    const float* x = rows.normed() ? normed_row(t) : rows.x + t * rows.n_cols;
    if (rows.grouped()) transpose(x, size, rows.n_cols, places.float_groups + t * rows.n_cols);
    if (rows.forms.bfloat_groups) {
      rows.table.bfloats.pair(x, size, rows.n_cols, places.bfloat_groups + t * input.row_bytes_bfloat);
    }
  }
}

}  // namespace

void Forms::add(const Matrix& w) {
  const bool super = tensor_type_info(w.type).block_size == 256;
  bool& wide = w.type == TensorType::BF16 ? bfloat_groups : float_groups;
  (w.form == Form::blocks ? floats : has_wide_strips(w.type) ? wide : super ? groups256 : groups32) = true;
}

Activations::Activations(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n_cols,
                         const InputNorm& norm, const Forms& forms, bool asks_ahead)
    : table(table),
      floats(x),
      float_groups(x),
      row_bytes32(n_cols / 32 * static_cast<int64_t>(sizeof(Block32))),
      row_bytes256(n_cols / 256 * static_cast<int64_t>(sizeof(Block256))),
      row_bytes_bfloat((n_cols + 1) / 2 * table.bfloats.pair_bytes),
      asks_ahead(asks_ahead) {
  const InputRows rows{table, x, n_tokens, n_cols, norm, forms};
  if (rows.are_ready()) return;
  const Places places = reserve(rows, pool.n_threads(), *this);
  groups32 = places.groups32;
  groups256 = places.groups256;
  bfloat_groups = places.bfloat_groups;
  if (rows.normed()) floats = float_groups = places.normed;
  if (rows.grouped()) float_groups = places.float_groups;
  pool.parallel_for((n_tokens + kChunkRows - 1) / kChunkRows, [&](int64_t chunk, int thread) {
    const int64_t begin = chunk * kChunkRows;
    prepare(rows, *this, places, begin, std::min(n_tokens, begin + kChunkRows), thread);
  });
}

}  // namespace fluxmlx::kernels
