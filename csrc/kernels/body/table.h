#pragma once

#include "kernels/body/activation.h"
#include "kernels/body/attention.h"
#include "kernels/body/bfloats_as_floats.h"
#include "kernels/body/linear.h"
#include "kernels/body/norm.h"
#include "kernels/body/probe.h"
#include "kernels/body/quantize.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

inline void to_half(const float* x, int64_t n, uint16_t* y) {
  for (int64_t i = 0; i < n; i += 8) store_half(y + i, load(x + i));
}

inline constexpr Table make_table(const char* name, MultiplyBfloats multiply) {
  return {name,
          kGroup,
          kFloatGroup,
          find_dequantize,
          linear,
          gated_linear,
          norm_row,
          {2 * sizeof(float), pair_bfloats, multiply},
          quantize_32,
          quantize_256,
          attention_append,
          attention_spans,
          attention_finish,
          exp_row,
          scale_logits,
          to_half,
          {probe_read, probe_fma}};
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
