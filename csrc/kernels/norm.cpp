#include <algorithm>

#include "kernels/table.h"

namespace fluxmlx::kernels {
namespace {

// body(t) for every row; fewer than a chunk's are not worth a thread.
template <class Body>
void for_each_row(ThreadPool& pool, int64_t n_tokens, const Body& body) {
  constexpr int64_t rows = 16;
  pool.parallel_for((n_tokens + rows - 1) / rows, [&](int64_t chunk, int) {
    for (int64_t t = chunk * rows; t < std::min(n_tokens, (chunk + 1) * rows); ++t) body(t);
  });
}

}  // namespace

void norm_rows(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n, const InputNorm& norm,
               float* y) {
  for_each_row(pool, n_tokens, [&](int64_t t) { table.norm_row(x + t * n, n, norm, y + t * n); });
}

void add_normed(const Table& table, ThreadPool& pool, float* x, int64_t n_tokens, int64_t n, const InputNorm& norm,
                const float* base, float* y) {
  for_each_row(pool, n_tokens, [&](int64_t t) {
    table.norm_row(x + t * n, n, norm, x + t * n);
    for (int64_t i = t * n; i < (t + 1) * n; ++i) y[i] = base[i] + x[i];
  });
}

void scale_logits(const Table& table, ThreadPool& pool, float* y, int64_t n, float scale, float softcap) {
  constexpr int64_t size = 1 << 14;
  pool.parallel_for((n + size - 1) / size, [&](int64_t chunk, int) {
    table.scale_logits(y + chunk * size, std::min(size, n - chunk * size), scale, softcap);
  });
}

void norm_rows(ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n, const InputNorm& norm, float* y) {
  norm_rows(active_table(), pool, x, n_tokens, n, norm, y);
}

void add_normed(ThreadPool& pool, float* x, int64_t n_tokens, int64_t n, const InputNorm& norm, const float* base,
                float* y) {
  add_normed(active_table(), pool, x, n_tokens, n, norm, base, y);
}

void scale_logits(ThreadPool& pool, float* y, int64_t n, float scale, float softcap) {
  scale_logits(active_table(), pool, y, n, scale, softcap);
}

}  // namespace fluxmlx::kernels
