#pragma once

#include "quant/body/integers.h"
#include "quant/code_books.h"

// w = d/8 (2 scale + 1) * (8 t + 1 or 8 t - 1): eight numbers t of -1, 0 and 1 are named by a code of 11 bits, scales
// have 3 bits.
namespace fluxmlx::quant::FLUXMLX_ISA {

inline void put_ternary(uint64_t digits, bool lower, int8_t* values) noexcept {
  const int offset = lower ? -9 : -7;
  for (int i = 0; i < 8; ++i) values[i] = static_cast<int8_t>(8 * static_cast<int>(digits >> (8 * i) & 255) + offset);
}

// {d, low bytes of codes[32], {high bits of 4 x 3, a scale, a shift}[8]}: groups of 32
inline void read_iq1_s(const uint8_t* block, Integers& out) noexcept {
  set_unit(load_u16(block), 0.125f, out);
  for (int group = 0; group < 8; ++group) {
    const unsigned packed = load_u16(block + 34 + 2 * group);
    out.scales[2 * group] = out.scales[2 * group + 1] = static_cast<uint8_t>(2 * (packed >> 12 & 7) + 1);
    for (int i = 0; i < 4; ++i) {
      const unsigned code = block[2 + 4 * group + i] | (packed >> (3 * i) & 7) << 8;
      put_ternary(kIq1Book[code], (packed & 0x8000) != 0, out.values + 32 * group + 8 * i);
    }
  }
}

// {low bytes of codes[32], nibbles of 3 high bits and a shift[16], {scales of 4 x 3 bits, a quarter of d}[4]}: groups
// of 16
inline void read_iq1_m(const uint8_t* block, Integers& out) noexcept {
  const uint8_t* scales = block + 48;
  unsigned d = 0;
  for (int i = 0; i < 4; ++i) d |= (static_cast<unsigned>(load_u16(scales + 2 * i)) >> 12) << (4 * i);
  set_unit(static_cast<uint16_t>(d), 0.125f, out);
  for (int group = 0; group < 16; ++group) {
    const unsigned packed = load_u16(scales + group / 4 * 2);
    out.scales[group] = static_cast<uint8_t>(2 * (packed >> (group % 4 * 3) & 7) + 1);
  }
  for (int i = 0; i < 32; ++i) {
    const unsigned high = block[32 + i / 2] >> (i % 2 * 4) & 15u;
    put_ternary(kIq1Book[block[i] | (high & 7) << 8], (high & 8) != 0, out.values + 8 * i);
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
