#pragma once

#include "kernels/neon/ints.h"

// Codes as signed bytes, which is what products of NEON take.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Codes of eight bits are multiplied less 128.
template <int kBits>
inline constexpr int kTakenOff = kBits == 8 ? 128 : 0;

struct SignedCodes {
  int8x16_t low, high;
};
template <int kBits>
inline int8x16_t as_signed(uint8x16_t codes) {
  return vreinterpretq_s8_u8(kBits == 8 ? veorq_u8(codes, vdupq_n_u8(128)) : codes);
}
template <int kBits>
inline SignedCodes as_signed(B32 codes) {
  return {as_signed<kBits>(codes.low), as_signed<kBits>(codes.high)};
}

template <int kBits>
inline SignedCodes look_up_codes(B32 nibbles, const uint8_t (&table)[16]) {
  const int8x16_t values = as_signed<kBits>(vld1q_u8(table));
  return {vqtbl1q_s8(values, nibbles.low), vqtbl1q_s8(values, nibbles.high)};
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
