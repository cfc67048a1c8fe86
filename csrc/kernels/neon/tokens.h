#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

#include "kernels/body/unroll.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

// Four bytes of each of G tokens, four tokens to a register; of fewer, zeros behind them.
template <int G>
struct Tokens {
  uint8x16_t v[(G + 3) / 4];
};

template <int G>
inline Tokens<G> load_tokens(const void* x) {
  if constexpr (G <= 2) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, x, 4 * G);
    return {{vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(bytes), vcreate_u64(0)))}};
  } else {
    Tokens<G> tokens;
    for_each_index<G / 4>([&](auto i) { tokens.v[i] = vld1q_u8(static_cast<const uint8_t*>(x) + 16 * i); });
    return tokens;
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
