#pragma once

#include "quant/body/block.h"
#include "quant/integers.h"

// Types whose weights are products of integers with the scale of a super-block. All three factors together have fewer
// bits than a float, so that no order of them rounds.
namespace fluxmlx::quant::FLUXMLX_ISA {

inline void set_unit(uint16_t d, float unit, Integers& out) noexcept {
  out.d = d;
  out.unit = unit;
}

using ReadIntegers = void (*)(const uint8_t* block, Integers& out) noexcept;

template <ReadIntegers kRead, int kBytes>
inline void dequantize_integers(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* block = bytes(blocks);
  Integers integers;
  for (int64_t begin = 0; begin < n; begin += 256, block += kBytes) {
    kRead(block, integers);
    const float d = half_to_float(integers.d) * integers.unit;
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(integers.scales[group]);
      const int8_t* values = integers.values + group * 16;
      for (int i = 0; i < 16; ++i) out[begin + group * 16 + i] = scale * static_cast<float>(values[i]);
    }
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
