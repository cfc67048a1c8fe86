// The input rows of products: normed, and quantised for packed weights, once however many products share them.
#include "kernels/activations.h"

#include <algorithm>

#include "kernels/table.h"

namespace fluxmlx::kernels {
namespace {

// Bytes of a row of blocks, off the powers of two that put all rows into the same cache sets.
int64_t row_pitch(int64_t n_bytes) { return (n_bytes + 63) / 64 * 64 + 64; }

struct Forms {
  bool floats = false, blocks32 = false, blocks256 = false;
};

Forms forms_of(std::span<const Matrix> matrices) {
  Forms forms;
  for (const Matrix& w : matrices) {
    const bool super = tensor_type_info(w.type).block_size == 256;
    (w.form == Form::blocks ? forms.floats : super ? forms.blocks256 : forms.blocks32) = true;
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
    : floats(x) {
  const Forms forms = forms_of(matrices);
  const bool normed = norm.weight != nullptr, quantized = forms.blocks32 || forms.blocks256;
  if (!normed && !quantized) return;
  pitch32 = row_pitch(n_cols / 32 * static_cast<int64_t>(sizeof(Block32)));
  pitch256 = row_pitch(n_cols / 256 * static_cast<int64_t>(sizeof(Block256)));
  // One normed row for each thread is enough where nobody wants floats.
  float* rows = allocate(floats_memory_, normed, (forms.floats ? n_tokens : pool.n_threads()) * n_cols);
  blocks32 = allocate(blocks32_memory_, forms.blocks32, n_tokens * pitch32);
  blocks256 = allocate(blocks256_memory_, forms.blocks256, n_tokens * pitch256);
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
      if (forms.blocks32) {
        table.quantize_32(row, n_cols, reinterpret_cast<Block32*>(blocks32_memory_.get() + t * pitch32));
      }
      if (forms.blocks256) {
        table.quantize_256(row, n_cols, reinterpret_cast<Block256*>(blocks256_memory_.get() + t * pitch256));
      }
    }
  });
}

}  // namespace fluxmlx::kernels
