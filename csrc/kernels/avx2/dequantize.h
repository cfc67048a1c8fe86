#pragma once

#include "kernels/avx2/dequantize_256.h"
#include "kernels/avx2/dequantize_32.h"
#include "kernels/avx2/dequantize_mlx.h"
#include "quant/body/find.h"
#include "quant/dequantize.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

// A signalling NaN comes out quiet here; nothing else differs from the definition.
inline void dequantize_f16(const std::byte* data, int64_t n, float* y) {
  const int64_t whole = n / 8 * 8;
  const uint8_t* p = bytes(data);
  for (int64_t i = 0; i < whole; i += 8) _mm256_storeu_ps(y + i, _mm256_cvtph_ps(load_codes(p + 2 * i)));
  quant::FLUXMLX_ISA::dequantize_f16(data + 2 * whole, n - whole, y + whole);
}

inline quant::DequantizeFn find_dequantize(TensorType type) noexcept {
  switch (type) {
    case TensorType::F32:
      return quant::FLUXMLX_ISA::dequantize_f32;
    case TensorType::F16:
      return dequantize_f16;
    case TensorType::BF16:
      return quant::FLUXMLX_ISA::dequantize_bf16;
    case TensorType::Q4_0:
      return dequantize_q4_0;
    case TensorType::Q4_1:
      return dequantize_q4_1;
    case TensorType::Q5_0:
      return dequantize_q5_0;
    case TensorType::Q5_1:
      return dequantize_q5_1;
    case TensorType::Q8_0:
      return dequantize_q8_0;
    case TensorType::Q2_K:
      return dequantize_q2_k;
    case TensorType::Q3_K:
      return dequantize_q3_k;
    case TensorType::Q4_K:
      return dequantize_q4_k;
    case TensorType::Q5_K:
      return dequantize_q5_k;
    case TensorType::Q6_K:
      return dequantize_q6_k;
    case TensorType::IQ4_NL:
      return dequantize_iq4_nl;
    case TensorType::IQ4_XS:
      return dequantize_iq4_xs;
    case TensorType::MXFP4:
      return dequantize_mxfp4;
    default:
      if (const quant::DequantizeFn function = find_dequantize_mlx(type)) return function;
      return quant::FLUXMLX_ISA::find_body(type);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
