// The input rows of products: normed, and quantised for packed weights, once however many products share them.
#include "kernels/activations.h"

#include <algorithm>

#include "kernels/table.h"

namespace fluxmlx::kernels {
namespace {

struct Forms {
  bool floats = false, groups32 = false, groups256 = false;
};

Forms forms_of(std::span<const Matrix> matrices) {
  Forms forms;
  for (const Matrix& w : matrices) {
    const bool super = tensor_type_info(w.type).block_size == 256;
    (w.form == Form::blocks ? forms.floats : super ? forms.groups256 : forms.groups32) = true;
  }
  return forms;
}

template <class T>
T* allocate(std::unique_ptr<T[]>& memory, bool needed, int64_t n) {
  if (needed) memory.reset(new T[static_cast<size_t>(n)]);
  return memory.get();
}

}  // namespace

Activations::Activations(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n_cols,
                         const InputNorm& norm, std::span<const Matrix> matrices)
    : floats(x),
      row_bytes32(n_cols / 32 * static_cast<int64_t>(sizeof(Block32))),
      row_bytes256(n_cols / 256 * static_cast<int64_t>(sizeof(Block256))) {
  const Forms forms = forms_of(matrices);
  const bool normed = norm.weight != nullptr, quantized = forms.groups32 || forms.groups256;
  if (!normed && !quantized) return;
  // One normed row for each thread is enough where nobody wants floats.
  float* rows = allocate(floats_memory_, normed, (forms.floats ? n_tokens : pool.n_threads()) * n_cols);
  groups32 = allocate(groups32_memory_, forms.groups32, n_tokens * row_bytes32);
  groups256 = allocate(groups256_memory_, forms.groups256, n_tokens * row_bytes256);
  if (normed && forms.floats) floats = rows;
  constexpr int64_t chunk_rows = 16;  // fewer are not worth a thread
  pool.parallel_for((n_tokens + chunk_rows - 1) / chunk_rows, [&](int64_t chunk, int thread) {
    for (int64_t t = chunk * chunk_rows; t < std::min(n_tokens, (chunk + 1) * chunk_rows); ++t) {
      const float* row = x + t * n_cols;
      if (normed) {
        float* y = rows + (forms.floats ? t : thread) * n_cols;
        table.rms_norm(row, n_cols, norm.weight, norm.eps, y);
        row = y;
      }
      const TokenGroup group = group_of(t, n_tokens, table.token_group);
      const auto place = [&](const std::unique_ptr<std::byte[]>& memory, int64_t row_bytes) {
        return GroupPlace{memory.get() + group.begin * row_bytes, group.size, static_cast<int>(t - group.begin)};
      };
      if (forms.groups32) table.quantize_32(row, n_cols, place(groups32_memory_, row_bytes32));
      if (forms.groups256) table.quantize_256(row, n_cols, place(groups256_memory_, row_bytes256));
    }
  });
}

}  // namespace fluxmlx::kernels
