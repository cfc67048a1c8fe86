#pragma once

#include "kernels/avx2/ints.h"
#include "quant/body/mlx.h"
#include "quant/dequantize.h"

// The one type of MLX's without a packed form; the others are read row by row only, as the definition has them.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline void dequantize_mlx_mxfp8(const std::byte* blocks, int64_t n, float* y) {
  const uint8_t* block = quant::FLUXMLX_ISA::bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 33) {
    const __m256 d = _mm256_set1_ps(quant::FLUXMLX_ISA::e8m0_to_float(block[0]));
    for (int i = 0; i < 32; i += 8) {
      const F8 half = load_half_e4m3(block + 1 + i);
      _mm256_storeu_ps(y + i, _mm256_mul_ps(d, add(half, half).v));
    }
  }
}

inline quant::DequantizeFn find_dequantize_mlx(TensorType type) noexcept {
  const MlxType* mlx = find_mlx_type(type);
  if (mlx != nullptr && mlx->mode == MlxMode::mxfp8) return dequantize_mlx_mxfp8;
  return quant::FLUXMLX_ISA::find_mlx_body(type);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
