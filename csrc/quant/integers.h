#pragma once

#include <cstdint>

#include "base/tensor_type.h"

namespace fluxmlx::quant {

// A super-block of 256 weights: w[i] = d * unit * scales[i / 16] * values[i], exact in float in any order.
struct Integers {
  uint16_t d;  // half precision
  float unit;  // a power of two
  uint8_t scales[16];
  int8_t values[256];
};

// What a block of an IQ1, IQ2, IQ3 or TQ type says.
using IntegersFn = void (*)(const uint8_t* block, Integers& out) noexcept;

// nullptr for a type that is not one of these.
IntegersFn find_integers(TensorType type) noexcept;

}  // namespace fluxmlx::quant
