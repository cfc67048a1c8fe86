#pragma once

#include <cstdint>

#include "base/half.h"

// Scales for the weights of one group: w = scale * q - offset, q a whole number from low to high. A group has n
// weights, a multiple of 8 and at most 32; sums are taken in eight lanes, so that the order of additions is one for all
// compilers.
namespace fluxmlx::quant {

struct Codes {
  float low, high;
};

struct Line {
  float scale = 0, offset = 0;
};

struct Extremes {
  float least = 0, greatest = 0;  // of the values and zero
  float furthest = 0;             // from zero, with its sign
};

Extremes extremes(const float* x, int n) noexcept;

// The scale, without an offset, whose nearest codes leave a small squared error.
float fit_scale(const float* x, int n, Codes codes) noexcept;

// Likewise with an offset; `clamped`: one that is not negative. The least code is 0.
Line fit_line(const float* x, int n, float high, bool clamped) noexcept;

// Sum of squared errors of the nearest codes.
float error_of(const float* x, int n, Line line, Codes codes) noexcept;

// The nearest codes, less the least code: from 0.
void write_codes(const float* x, int n, Line line, Codes codes, uint8_t* q) noexcept;

// A number as float16 has it, and its bits.
struct Half {
  uint16_t bits = 0;
  float value = 0;
};
inline Half to_half(float value) noexcept {
  const uint16_t bits = f32_to_f16(value < -65504.0f ? -65504.0f : value > 65504.0f ? 65504.0f : value);
  return {bits, f16_to_f32(bits)};
}

}  // namespace fluxmlx::quant
