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

}  // namespace

void Forms::add(const Matrix& w) {
  const bool super = tensor_type_info(w.type).block_size == 256;
  (w.form == Form::blocks ? floats : has_wide_strips(w.type) ? float_groups : super ? groups256 : groups32) = true;
}

Activations::Activations(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n_cols,
                         const InputNorm& norm, const Forms& forms)
    : floats(x),
      float_groups(x),
      row_bytes32(n_cols / 32 * static_cast<int64_t>(sizeof(Block32))),
      row_bytes256(n_cols / 256 * static_cast<int64_t>(sizeof(Block256))) {
  const bool normed = norm.weight != nullptr;
  const bool grouped = forms.float_groups && n_tokens > 1;  // one token is a group as it is
  const bool plain = forms.floats || (forms.float_groups && !grouped);
  if (!normed && !grouped && !forms.groups32 && !forms.groups256) return;
  // Fewer rows are not worth a thread; groups of floats are whole.
  constexpr int64_t chunk_rows = kMostFloatGroup;
  // Where nobody wants floats as they are, each thread keeps the normed rows of one chunk or only the last.
  const int64_t n_kept = grouped ? chunk_rows : 1;
  const int64_t n_normed = normed ? (plain ? n_tokens : pool.n_threads() * n_kept) * n_cols : 0;
  const int64_t n_grouped = grouped ? n_tokens * n_cols : 0;
  const int64_t n_bytes32 = forms.groups32 ? whole_lines(n_tokens * row_bytes32) : 0;
  const int64_t n_bytes256 = forms.groups256 ? whole_lines(n_tokens * row_bytes256) : 0;
  std::byte* const memory32 =
      thread_memory(n_bytes32 + n_bytes256 + (n_grouped + n_normed) * static_cast<int64_t>(sizeof(float)));
  std::byte* const memory256 = memory32 + n_bytes32;
  auto* const groups = reinterpret_cast<float*>(memory256 + n_bytes256);
  float* const normed_rows = groups + n_grouped;
  groups32 = memory32;
  groups256 = memory256;
  if (normed) floats = float_groups = normed_rows;
  if (grouped) float_groups = groups;
  pool.parallel_for((n_tokens + chunk_rows - 1) / chunk_rows, [&](int64_t chunk, int thread) {
    const int64_t begin = chunk * chunk_rows, end = std::min(n_tokens, begin + chunk_rows);
    const auto normed_row = [&](int64_t t) {
      return normed_rows + (plain ? t : thread * n_kept + (grouped ? t - begin : 0)) * n_cols;
    };
    for (int64_t t = begin; t < end; ++t) {
      const float* row = x + t * n_cols;
      if (normed) {
        float* y = normed_row(t);
        table.norm_row(row, n_cols, norm, y);
        row = y;
      }
      const TokenGroup group = group_of(t, n_tokens, table.token_group);
      const auto place = [&](std::byte* memory, int64_t row_bytes) {
        return GroupPlace{memory + group.begin * row_bytes, group.size, static_cast<int>(t - group.begin)};
      };
      if (forms.groups32) table.quantize_32(row, n_cols, place(memory32, row_bytes32));
      if (forms.groups256) table.quantize_256(row, n_cols, place(memory256, row_bytes256));
    }
    for (int64_t t = begin; grouped && t < end; t += table.float_group) {
      const int64_t size = std::min<int64_t>(table.float_group, end - t);
      transpose(normed ? normed_row(t) : x + t * n_cols, size, n_cols, groups + t * n_cols);
    }
  });
}

}  // namespace fluxmlx::kernels
