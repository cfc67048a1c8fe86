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

}  // namespace

void Forms::add(const Matrix& w) {
  const bool super = tensor_type_info(w.type).block_size == 256;
  (w.form == Form::blocks ? floats : super ? groups256 : groups32) = true;
}

Activations::Activations(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n_cols,
                         const InputNorm& norm, const Forms& forms)
    : floats(x),
      row_bytes32(n_cols / 32 * static_cast<int64_t>(sizeof(Block32))),
      row_bytes256(n_cols / 256 * static_cast<int64_t>(sizeof(Block256))) {
  const bool normed = norm.weight != nullptr;
  if (!normed && !forms.groups32 && !forms.groups256) return;
  // One normed row for each thread is enough where nobody wants floats.
  const int64_t n_normed = normed ? (forms.floats ? n_tokens : pool.n_threads()) * n_cols : 0;
  const int64_t n_bytes32 = forms.groups32 ? whole_lines(n_tokens * row_bytes32) : 0;
  const int64_t n_bytes256 = forms.groups256 ? whole_lines(n_tokens * row_bytes256) : 0;
  std::byte* const memory32 = thread_memory(n_bytes32 + n_bytes256 + n_normed * static_cast<int64_t>(sizeof(float)));
  std::byte* const memory256 = memory32 + n_bytes32;
  auto* const rows = reinterpret_cast<float*>(memory256 + n_bytes256);
  groups32 = memory32;
  groups256 = memory256;
  if (normed && forms.floats) floats = rows;
  constexpr int64_t chunk_rows = 16;  // fewer are not worth a thread
  pool.parallel_for((n_tokens + chunk_rows - 1) / chunk_rows, [&](int64_t chunk, int thread) {
    for (int64_t t = chunk * chunk_rows; t < std::min(n_tokens, (chunk + 1) * chunk_rows); ++t) {
      const float* row = x + t * n_cols;
      if (normed) {
        float* y = rows + (forms.floats ? t : thread) * n_cols;
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
  });
}

}  // namespace fluxmlx::kernels
