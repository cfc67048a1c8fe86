#pragma once

#include <cstdint>

namespace fluxmlx::kernels::FLUXMLX_ISA {

// Rotates pairs (2 i, 2 i + 1).
inline void rotate_interleaved(const float* table, int n_rot, float* head) {
  int i = 0;
  for (; i + 8 <= n_rot; i += 8) store(head + i, rotate_pairs(load(head + i), load(table + i)));
  if (i == n_rot) return;
  const F8 rest = rotate_pairs(load_first(head + i, n_rot - i), load_first(table + i, n_rot - i));
  store_first(head + i, rest, n_rot - i);
}

// Rotates pairs (i, i + n_rot / 2).
inline void rotate_halves(const float* table, int n_rot, float* head) {
  const int half = n_rot / 2;
  for (int i = 0; i < half; i += 8) {
    const int n = half - i < 8 ? half - i : 8, n_low = n < 4 ? n : 4;
    const F8 low = load_first(table + 2 * i, 2 * n_low), high = load_first(table + 2 * i + 8, 2 * (n - n_low));
    const F8 cosine = even_lanes(low, high), sine = odd_lanes(low, high);
    const F8 a = load_first(head + i, n), b = load_first(head + half + i, n);
    store_first(head + i, sub(mul(a, cosine), mul(b, sine)), n);
    store_first(head + half + i, add(mul(a, sine), mul(b, cosine)), n);
  }
}

// Rotates the leading n_rot dimensions of one head by the pairs (cosine, sine) of its position.
inline void rotate(const float* table, int n_rot, bool interleaved, float* head) {
  if (interleaved) {
    rotate_interleaved(table, n_rot, head);
  } else {
    rotate_halves(table, n_rot, head);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
