#pragma once

#include "quant/body/integers.h"
#include "quant/body/signs.h"
#include "quant/code_books.h"

// w = unit (2 scale + 1) * magnitude and sign: four magnitudes are named by a code, groups of 32 have a scale of 4
// bits.
namespace fluxmlx::quant::FLUXMLX_ISA {

// {d, codes[64], signs of 4 x 7 bits and a scale above them[8]}: the unit is d/4
inline void read_iq3_xxs(const uint8_t* block, Integers& out) noexcept {
  set_unit(load_u16(block), 0.25f, out);
  for (int group = 0; group < 8; ++group) {
    const uint8_t* codes = block + 2 + 8 * group;
    const uint32_t packed = load_u32(block + 66 + 4 * group);
    out.scales[2 * group] = out.scales[2 * group + 1] = static_cast<uint8_t>(2 * (packed >> 28) + 1);
    for (int i = 0; i < 8; ++i) {
      const unsigned signs = even_signs(packed >> (i / 2 * 7) & 127) >> (i % 2 * 4);
      put_signed<4>(kIq3XxsBook[codes[i]], signs, out.values + 32 * group + 4 * i);
    }
  }
}

// {d, low bytes of codes[64], ninth bits[8], signs[32], scale nibbles[4]}: the unit is d
inline void read_iq3_s(const uint8_t* block, Integers& out) noexcept {
  set_unit(load_u16(block), 1, out);
  for (int group = 0; group < 16; ++group) {
    out.scales[group] = static_cast<uint8_t>(2 * (block[106 + group / 4] >> (group / 2 % 2 * 4) & 15) + 1);
  }
  for (int i = 0; i < 64; ++i) {
    const unsigned ninth = block[66 + i / 8] >> (i % 8) & 1u;
    put_signed<4>(kIq3SBook[block[2 + i] | ninth << 8], block[74 + i / 2] >> (i % 2 * 4), out.values + 4 * i);
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
