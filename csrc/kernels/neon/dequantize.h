#pragma once

#include "quant/body/find.h"
#include "quant/dequantize.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

inline quant::DequantizeFn find_dequantize(TensorType type) noexcept { return quant::FLUXMLX_ISA::find_body(type); }

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
