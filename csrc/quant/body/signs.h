#pragma once

#include "quant/body/block.h"

namespace fluxmlx::quant::FLUXMLX_ISA {

// Seven signs, and an eighth that makes the number of minus signs even.
inline unsigned even_signs(unsigned seven) noexcept {
  return seven | (static_cast<unsigned>(__builtin_parity(seven)) << 7);
}

// N magnitudes in the bytes of a code book's entry, less than zero where a bit of `signs` is set.
template <int N, class Entry>
inline void put_signed(Entry magnitudes, unsigned signs, int8_t* values) noexcept {
  for (int i = 0; i < N; ++i) {
    const int magnitude = static_cast<int>(magnitudes >> (8 * i) & 255);
    values[i] = static_cast<int8_t>((signs >> i & 1) != 0 ? -magnitude : magnitude);
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
