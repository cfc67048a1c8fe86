#pragma once

#include "quant/body/block.h"

namespace fluxmlx::quant::FLUXMLX_ISA {

inline void dequantize_f32(const std::byte* blocks, int64_t n, float* out) noexcept {
  std::memcpy(out, blocks, static_cast<size_t>(n) * sizeof(float));
}

inline void dequantize_f16(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* data = bytes(blocks);
  for (int64_t i = 0; i < n; ++i) out[i] = load_half(data + 2 * i);
}

inline void dequantize_bf16(const std::byte* blocks, int64_t n, float* __restrict out) noexcept {
  const uint8_t* data = bytes(blocks);
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = static_cast<uint32_t>(load_u16(data + 2 * i)) << 16;
    std::memcpy(out + i, &bits, sizeof bits);
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
