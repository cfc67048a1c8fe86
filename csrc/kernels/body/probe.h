#pragma once

#include "kernels/probe.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

inline float probe_read(const float* data, int64_t n) {
  F8 sum[8];
  for (F8& s : sum) s = broadcast(0.0f);
  for (int64_t i = 0; i < n; i += kProbeRead) {
    for (int k = 0; k < 8; ++k) sum[k] = add(sum[k], load(data + i + 8 * k));
  }
  for (int k = 1; k < 8; ++k) sum[0] = add(sum[0], sum[k]);
  return reduce_add(sum[0]);
}

inline float probe_fma(int64_t rounds) {
  const F8 shrink = broadcast(0.5f), grow = broadcast(1.0f);
  F8 chain[kProbeChains];
  for (int k = 0; k < kProbeChains; ++k) chain[k] = broadcast(static_cast<float>(k));
  for (int64_t i = 0; i < rounds; ++i) {
    for (int k = 0; k < kProbeChains; ++k) chain[k] = fma(chain[k], shrink, grow);
  }
  for (int k = 1; k < kProbeChains; ++k) chain[0] = add(chain[0], chain[k]);
  return reduce_add(chain[0]);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
