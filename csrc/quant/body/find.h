#pragma once

#include "base/tensor_type.h"
#include "quant/body/float.h"
#include "quant/body/iq1.h"
#include "quant/body/iq2.h"
#include "quant/body/iq3.h"
#include "quant/body/iq4.h"
#include "quant/body/k.h"
#include "quant/body/legacy.h"
#include "quant/body/mlx.h"
#include "quant/body/mxfp4.h"
#include "quant/body/nvfp4.h"
#include "quant/body/ternary.h"

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
    case TensorType::IQ1_S:
      return dequantize_integers<read_iq1_s, 50>;
    case TensorType::IQ1_M:
      return dequantize_integers<read_iq1_m, 56>;
    case TensorType::IQ2_XXS:
      return dequantize_integers<read_iq2_xxs, 66>;
    case TensorType::IQ2_XS:
      return dequantize_integers<read_iq2_xs, 74>;
    case TensorType::IQ2_S:
      return dequantize_integers<read_iq2_s, 82>;
    case TensorType::IQ3_XXS:
      return dequantize_integers<read_iq3_xxs, 98>;
    case TensorType::IQ3_S:
      return dequantize_integers<read_iq3_s, 110>;
    case TensorType::TQ1_0:
      return dequantize_integers<read_tq1_0, 54>;
    case TensorType::TQ2_0:
      return dequantize_integers<read_tq2_0, 66>;
    default:
      return find_mlx_body(type);
  }
}

}  // namespace fluxmlx::quant::FLUXMLX_ISA
