#pragma once

#include <cmath>

// Single numbers, with subnormal ones as zeros.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline float flushed(float x) { return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }

// a b + c, rounded once; a and b are BF16 and not subnormal, so that double holds their product. A result is subnormal
// if it were with 24 bits and any exponent: where rounding leads to the smallest normal number, the sum in double tells
// whether it came from below.
inline float fma_flushed(float a, float b, float c) {
  constexpr float smallest = 0x1p-126f;
  c = flushed(c);
  const float sum = std::fma(a, b, c);
  if (std::fabs(sum) != smallest) return flushed(sum);
  const double exact = static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(c);
  return std::fabs(exact) < 0x1p-126 - 0x1p-151 ? std::copysign(0.0f, sum) : sum;
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
