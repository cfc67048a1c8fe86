#pragma once

#include "kernels/kernels.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

// y = x / sqrt(mean(x^2) + eps) * weight; x and y may be the same memory.
inline void rms_norm(const float* x, int64_t n, const float* weight, float eps, float* y) {
  const int64_t whole = n / 8 * 8;
  const int rest = static_cast<int>(n - whole);
  F8 squares = broadcast(0);
  for (int64_t i = 0; i < whole; i += 8) squares = fma(load(x + i), load(x + i), squares);
  const F8 last = load_first(x + whole, rest);
  squares = fma(last, last, squares);
  const float mean = reduce_add(squares) / static_cast<float>(n);
  const F8 scale = div(broadcast(1), square_root(broadcast(mean + eps)));
  for (int64_t i = 0; i < whole; i += 8) store(y + i, mul(mul(load(x + i), scale), load(weight + i)));
  if (rest != 0) store_first(y + whole, mul(mul(last, scale), load_first(weight + whole, rest)), rest);
}

// The same of x less its mean.
inline void layer_norm(const float* x, int64_t n, const float* weight, float eps, float* y) {
  const int64_t whole = n / 8 * 8;
  const int rest = static_cast<int>(n - whole);
  F8 sum = load_first(x + whole, rest);
  for (int64_t i = 0; i < whole; i += 8) sum = add(sum, load(x + i));
  const F8 mean = broadcast(reduce_add(sum) / static_cast<float>(n));
  for (int64_t i = 0; i < whole; i += 8) store(y + i, sub(load(x + i), mean));
  if (rest != 0) store_first(y + whole, sub(load_first(x + whole, rest), mean), rest);
  rms_norm(y, n, weight, eps, y);
}

inline void norm_row(const float* x, int64_t n, const InputNorm& norm, float* y) {
  if (norm.centred) {
    layer_norm(x, n, norm.weight, norm.eps, y);
  } else {
    rms_norm(x, n, norm.weight, norm.eps, y);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
