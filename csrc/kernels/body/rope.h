#pragma once

#include <cstdint>

namespace fluxmlx::kernels::FLUXMLX_ISA {

// Rotates the leading n_rot dimensions of one head by the pairs (cosine, sine) of its position.
inline void rotate(const float* table, int n_rot, bool interleaved, float* head) {
  const int step = interleaved ? 2 : 1;
  const int other = interleaved ? 1 : n_rot / 2;
  for (int i = 0; i < n_rot / 2; ++i) {
    float* pair = head + i * step;
    const float a = pair[0], b = pair[other];
    const float cosine = table[2 * i], sine = table[2 * i + 1];
    pair[0] = a * cosine - b * sine;
    pair[other] = a * sine + b * cosine;
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
