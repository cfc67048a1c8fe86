#pragma once

#include "quant/body/find.h"
#include "quant/dequantize.h"

namespace fluxmlx::kernels::avx2 {

inline quant::DequantizeFn find_dequantize(TensorType type) noexcept { return quant::avx2::find_body(type); }

}  // namespace fluxmlx::kernels::avx2
