#pragma once

#include "base/tensor_type.h"
#include "quant/body/float.h"
#include "quant/body/iq4.h"
#include "quant/body/k.h"
#include "quant/body/legacy.h"
#include "quant/body/mlx.h"
#include "quant/body/mxfp4.h"
#include "quant/body/nvfp4.h"

namespace fluxmlx::quant::FLUXMLX_ISA {

inline DequantizeBody find_body(TensorType type) noexcept {
  switch (type) {
    case TensorType::F32:
      return dequantize_f32;
    case TensorType::F16:
      return dequantize_f16;
    case TensorType::BF16:
      return dequantize_bf16;
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
    case TensorType::NVFP4:
      return dequantize_nvfp4;
    default:
      return find_mlx_body(type);
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
