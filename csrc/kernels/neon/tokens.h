#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/body/unroll.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

// Four bytes of each of G tokens, four tokens to a register.
template <int G>
struct Tokens {
  static_assert(G % 4 == 0);
  uint8x16_t v[G / 4];
};
template <>
struct Tokens<2> {
  uint8x8_t v[1];
};
template <>
struct Tokens<1> {  // zeros behind them
  uint8x8_t v[1];
};

template <int G>
inline Tokens<G> load_tokens(const void* x) {
  if constexpr (G <= 2) {
    std::conditional_t<G == 1, uint32_t, uint64_t> bytes;
    std::memcpy(&bytes, x, sizeof bytes);
    return {{vcreate_u8(bytes)}};
  } else {
    Tokens<G> tokens;
    for_each_index<G / 4>([&](auto i) { tokens.v[i] = vld1q_u8(static_cast<const uint8_t*>(x) + 16 * i); });
    return tokens;
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
