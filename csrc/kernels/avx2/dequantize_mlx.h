#pragma once

#include "kernels/avx2/codes.h"
#include "quant/body/mlx.h"
#include "quant/dequantize.h"

// The one type of MLX's without a packed form; the others are read row by row only, as the definition has them.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Eight E4M3 numbers: as float16 with another exponent.
inline __m256 eight_e4m3(const uint8_t* p) {
  const __m128i codes = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m128i size = _mm_and_si128(codes, _mm_set1_epi16(0x7f));
  const __m128i is_nan = _mm_cmpeq_epi16(size, _mm_set1_epi16(0x7f));
  const __m128i finite = _mm_or_si128(_mm_slli_epi16(size, 7), _mm_slli_epi16(_mm_sub_epi16(codes, size), 8));
  const __m128i bits = _mm_or_si128(finite, _mm_and_si128(is_nan, _mm_set1_epi16(0x7e00)));
  return _mm256_mul_ps(_mm256_cvtph_ps(bits), _mm256_set1_ps(0x1p8f));
}

inline void dequantize_mlx_mxfp8(const std::byte* blocks, int64_t n, float* y) {
  const uint8_t* block = quant::FLUXMLX_ISA::bytes(blocks);
  for (const float* end = y + n; y < end; y += 32, block += 33) {
    const __m256 d = _mm256_set1_ps(quant::FLUXMLX_ISA::e8m0_to_float(block[0]));
    for (int i = 0; i < 32; i += 8) _mm256_storeu_ps(y + i, _mm256_mul_ps(d, eight_e4m3(block + 1 + i)));
  }
}

inline quant::DequantizeFn find_dequantize_mlx(TensorType type) noexcept {
  const MlxType* mlx = find_mlx_type(type);
  if (mlx != nullptr && mlx->mode == MlxMode::mxfp8) return dequantize_mlx_mxfp8;
  return quant::FLUXMLX_ISA::find_mlx_body(type);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
