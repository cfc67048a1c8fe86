#pragma once

#include "quant/body/integers.h"

// w = d * (t - 1) with one scale for 256 weights.
namespace fluxmlx::quant::FLUXMLX_ISA {

inline void set_no_scales(Integers& out) noexcept {
  for (uint8_t& scale : out.scales) scale = 1;
}

// N bytes of `digits` base-3 digits each, the first digit the highest: digit k of byte i is weight k N + i. A byte is
// the number as a fraction of 256, rounded up, so that multiplying it by 3 brings out digit after digit.
inline void read_digits(const uint8_t* packed, int n, int n_digits, int8_t* values) noexcept {
  for (int i = 0; i < n; ++i) {
    unsigned fraction = packed[i];
    for (int k = 0; k < n_digits; ++k, fraction = fraction * 3 & 255) {
      values[k * n + i] = static_cast<int8_t>(static_cast<int>(fraction * 3 >> 8) - 1);
    }
  }
}

// {five digits[32], five digits[16], four digits[4], d}
inline void read_tq1_0(const uint8_t* block, Integers& out) noexcept {
  set_unit(load_u16(block + 52), 1, out);
  set_no_scales(out);
  read_digits(block, 32, 5, out.values);
  read_digits(block + 32, 16, 5, out.values + 160);
  read_digits(block + 48, 4, 4, out.values + 240);
}

// {crumbs[64], d}: 32 bytes hold 128 weights, four parts of 32
inline void read_tq2_0(const uint8_t* block, Integers& out) noexcept {
  set_unit(load_u16(block + 64), 1, out);
  set_no_scales(out);
  for (int part = 0; part < 8; ++part) {
    const uint8_t* crumbs = block + part / 4 * 32;
    for (int i = 0; i < 32; ++i) {
      out.values[32 * part + i] = static_cast<int8_t>((crumbs[i] >> (part % 4 * 2) & 3) - 1);
    }
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
