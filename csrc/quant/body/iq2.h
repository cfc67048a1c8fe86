#pragma once

#include "quant/body/integers.h"
#include "quant/body/signs.h"
#include "quant/code_books.h"

// w = d/8 (2 scale + 1) * magnitude and sign: eight magnitudes are named by a code, scales have 4 bits.
namespace fluxmlx::quant::FLUXMLX_ISA {

// Scales of groups of 16, low nibbles first.
inline void read_nibble_scales(const uint8_t* packed, Integers& out) noexcept {
  for (int group = 0; group < 16; ++group) {
    out.scales[group] = static_cast<uint8_t>(2 * (packed[group / 2] >> (group % 2 * 4) & 15) + 1);
  }
}

// {d, {codes[4], signs of 4 x 7 bits and a scale above them}[8]}: groups of 32
inline void read_iq2_xxs(const uint8_t* block, Integers& out) noexcept {
  set_unit(load_u16(block), 0.125f, out);
  for (int group = 0; group < 8; ++group) {
    const uint8_t* codes = block + 2 + 8 * group;
    const uint32_t signs = load_u32(codes + 4);
    out.scales[2 * group] = out.scales[2 * group + 1] = static_cast<uint8_t>(2 * (signs >> 28) + 1);
    for (int i = 0; i < 4; ++i) {
      put_signed<8>(kIq2XxsBook[codes[i]], even_signs(signs >> (7 * i) & 127), out.values + 32 * group + 8 * i);
    }
  }
}

// {d, codes of 9 bits with 7 signs above them[32], scale nibbles[8]}: groups of 16
inline void read_iq2_xs(const uint8_t* block, Integers& out) noexcept {
  set_unit(load_u16(block), 0.125f, out);
  read_nibble_scales(block + 66, out);
  for (int i = 0; i < 32; ++i) {
    const unsigned code = load_u16(block + 2 + 2 * i);
    put_signed<8>(kIq2XsBook[code & 511], even_signs(code >> 9), out.values + 8 * i);
  }
}

// {d, low bytes of codes[32], signs[32], high pairs of bits[8], scale nibbles[8]}: groups of 16
inline void read_iq2_s(const uint8_t* block, Integers& out) noexcept {
  set_unit(load_u16(block), 0.125f, out);
  read_nibble_scales(block + 74, out);
  for (int i = 0; i < 32; ++i) {
    const unsigned high = block[66 + i / 4] >> (i % 4 * 2) & 3u;
    put_signed<8>(kIq2SBook[block[2 + i] | high << 8], block[34 + i], out.values + 8 * i);
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
