#pragma once

#include "base/exponential.h"
#include "kernels/kernels.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

// e^x as base/exponential.h has it. Below the least normal result: zero. Above 88: e^88. NaN stays NaN.
template <class V>
inline V exp(V x) {
  const V least = broadcast_as<V>(-87.33654f);
  const V shift = broadcast_as<V>(exponential::kRound);
  const V bounded = min(broadcast_as<V>(88.0f), max(least, x));
  const V shifted = fma(bounded, broadcast_as<V>(exponential::kPerLn2), shift);
  const V n = sub(shifted, shift);
  V r = fma(n, broadcast_as<V>(-exponential::kLn2High), bounded);
  r = fma(n, broadcast_as<V>(-exponential::kLn2Low), r);
  V p = broadcast_as<V>(exponential::kP5);
  p = fma(p, r, broadcast_as<V>(exponential::kP4));
  p = fma(p, r, broadcast_as<V>(exponential::kP3));
  p = fma(p, r, broadcast_as<V>(exponential::kP2));
  p = fma(p, r, broadcast_as<V>(exponential::kP1));
  p = fma(p, r, broadcast_as<V>(exponential::kP0));
  p = add(fma(mul(p, r), r, r), broadcast_as<V>(1));
  return zero_below(x, least, mul(p, power_of_two(shifted)));
}

// x / (1 + e^-s): x times the logistic function of s
inline F8 times_logistic(F8 x, F8 s) { return div(x, add(broadcast(1), exp(sub(broadcast(0), s)))); }

inline F8 silu(F8 x) { return times_logistic(x, x); }

// x/2 (1 + tanh(u)) = x / (1 + e^-2u) with u = sqrt(2/pi) (x + 0.044715 x^3)
inline F8 gelu_tanh(F8 x) {
  const F8 cube = mul(mul(x, x), x);
  const F8 inner = fma(broadcast(0.044715f), cube, x);
  return times_logistic(x, mul(broadcast(1.5957691216f), inner));
}

inline F8 clamped(F8 gate, F8 up) {
  const F8 limit = broadcast(7), bounded = min(limit, gate);
  const F8 scaled = times_logistic(bounded, mul(broadcast(1.702f), bounded));
  return mul(scaled, add(broadcast(1), max(broadcast(-7), min(limit, up))));
}

inline F8 activate(Activation activation, F8 gate, F8 up) {
  if (activation == Activation::clamped) return clamped(gate, up);
  return mul(activation == Activation::silu ? silu(gate) : gelu_tanh(gate), up);
}

// limit * tanh(x / limit) = limit - 2 limit / (1 + e^(2 x / limit))
inline F8 soft_cap(F8 x, F8 limit) {
  const F8 grown = exp(div(add(x, x), limit));
  return sub(limit, div(add(limit, limit), add(broadcast(1), grown)));
}

// y = f(x) for n numbers. Stores with a mask, which are slow, are for the last alone.
template <class F>
inline void map_row(const float* x, int64_t n, float* y, const F& f) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) store(y + i, f(load(x + i)));
  const int rest = static_cast<int>(n - i);
  if (rest != 0) store_first(y + i, f(load_first(x + i, rest)), rest);
}

inline void scale_logits(float* y, int64_t n, float scale, float softcap) {
  map_row(y, n, y, [scale, softcap](F8 x) {
    const F8 scaled = mul(x, broadcast(scale));
    return softcap == 0 ? scaled : soft_cap(scaled, broadcast(softcap));
  });
}

inline void exp_row(const float* x, int64_t n, float* y) {
  map_row(x, n, y, [](F8 numbers) { return exp(numbers); });
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
