#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/tensor_type.h"
#include "base/thread_pool.h"

// From floats to the blocks of a type: scales are searched for, so that the sum of squared errors is small, and is
// never more than that of the nearest codes under scales from the extremes.
namespace fluxmlx::quant {

// n is a multiple of the type's block size, and all values are finite and within its range; nothing is checked.
using EncodeFn = void (*)(const float* values, int64_t n, std::byte* blocks) noexcept;

// nullptr for a type that this build cannot write.
EncodeFn find_encode(TensorType type) noexcept;

// The greatest magnitude that a type can hold.
float greatest_value(TensorType type) noexcept;

// Values in whole blocks into as many bytes as they take; the same bytes for any number of threads. Throws Error where
// the type or the lengths do not fit, or a value is not finite or out of range.
void encode(TensorType type, std::span<const float> values, std::span<std::byte> blocks, ThreadPool& pool);

}  // namespace fluxmlx::quant
