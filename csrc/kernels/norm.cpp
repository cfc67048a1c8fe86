#include "kernels/table.h"

namespace fluxmlx::kernels {

void rms_norm(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n, const float* weight,
              float eps, float* y) {
  constexpr int64_t rows = 16;  // of one chunk; fewer are not worth a thread
  pool.parallel_for((n_tokens + rows - 1) / rows, [&](int64_t chunk, int) {
    const int64_t end = n_tokens < (chunk + 1) * rows ? n_tokens : (chunk + 1) * rows;
    for (int64_t t = chunk * rows; t < end; ++t) table.rms_norm(x + t * n, n, weight, eps, y + t * n);
  });
}

void rms_norm(ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n, const float* weight, float eps, float* y) {
  rms_norm(active_table(), pool, x, n_tokens, n, weight, eps, y);
}

}  // namespace fluxmlx::kernels
