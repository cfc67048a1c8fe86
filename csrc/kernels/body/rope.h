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

struct Turned {
  F8 a, b;
};

// Turns pairs (a, b) by those of cosine and sine that fill low and then high.
inline Turned turn(F8 a, F8 b, F8 low, F8 high) {
  const F8 cosine = even_lanes(low, high), sine = odd_lanes(low, high);
  return {sub(mul(a, cosine), mul(b, sine)), add(mul(a, sine), mul(b, cosine))};
}

// Rotates pairs (i, i + n_rot / 2). Whole vectors are a loop of their own: Zen 4 takes twelve cycles for a store with a
// mask.
inline void rotate_halves(const float* table, int n_rot, float* head) {
  const int half = n_rot / 2;
  int i = 0;
  for (; i + 8 <= half; i += 8) {
    const Turned turned = turn(load(head + i), load(head + half + i), load(table + 2 * i), load(table + 2 * i + 8));
    store(head + i, turned.a);
    store(head + half + i, turned.b);
  }
  if (i == half) return;
  const int n = half - i, n_low = n < 4 ? n : 4;
  const F8 low = load_first(table + 2 * i, 2 * n_low), high = load_first(table + 2 * i + 8, 2 * (n - n_low));
  const Turned turned = turn(load_first(head + i, n), load_first(head + half + i, n), low, high);
  store_first(head + i, turned.a, n);
  store_first(head + half + i, turned.b, n);
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
