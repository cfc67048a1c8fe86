#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/tensor_type.h"

// What the weights of a block mean: bit-equal to gguf.quants.dequantize of the gguf Python package.
namespace fluxmlx::quant {

// n_weights is a multiple of the type's block size; nothing is checked.
using DequantizeFn = void (*)(const std::byte* blocks, int64_t n_weights, float* out);

// nullptr for a type that this build cannot dequantise.
DequantizeFn find_dequantize(TensorType type) noexcept;

// Whole blocks into out.size() floats; throws Error where the type or the lengths do not fit.
void dequantize(TensorType type, std::span<const std::byte> blocks, std::span<float> out);

}  // namespace fluxmlx::quant
