#pragma once

#include "quant/body/find.h"
#include "quant/dequantize.h"

namespace fluxmlx::kernels::scalar {

inline quant::DequantizeFn find_dequantize(TensorType type) noexcept { return quant::scalar::find_body(type); }

}  // namespace fluxmlx::kernels::scalar
