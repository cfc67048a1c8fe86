#pragma once

#include "kernels/kernels.h"

namespace fluxmlx::kernels::FLUXMLX_ISA {

// e^x by x = n ln 2 + r and a minimax polynomial of (e^r - 1 - r) / r^2 over |r| <= ln 2 / 2 (fitted by Lawson's
// iteration, 5e-11). Below the least normal result: zero. Above 88: e^88. NaN stays NaN.
template <class V>
inline V exp(V x) {
  const V least = broadcast_as<V>(-87.33654f);
  const V shift = broadcast_as<V>(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const V bounded = min(broadcast_as<V>(88.0f), max(least, x));
  const V shifted = fma(bounded, broadcast_as<V>(1.44269504f), shift);
  const V n = sub(shifted, shift);
  V r = fma(n, broadcast_as<V>(-0.693359375f), bounded);  // ln 2 in two parts: n times the first is exact
  r = fma(n, broadcast_as<V>(2.12194440e-4f), r);
  V p = broadcast_as<V>(1.979029767e-04f);
  p = fma(p, r, broadcast_as<V>(1.394470339e-03f));
  p = fma(p, r, broadcast_as<V>(8.333497681e-03f));
  p = fma(p, r, broadcast_as<V>(4.166629538e-02f));
  p = fma(p, r, broadcast_as<V>(1.666666567e-01f));
  p = fma(p, r, broadcast_as<V>(0.5f));
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

inline void scale_logits(float* y, int64_t n, float scale, float softcap) {
  for (int64_t i = 0; i < n; i += 8) {
    const int count = static_cast<int>(n - i < 8 ? n - i : 8);
    const F8 scaled = mul(load_first(y + i, count), broadcast(scale));
    store_first(y + i, softcap == 0 ? scaled : soft_cap(scaled, broadcast(softcap)), count);
  }
}

inline void exp_row(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += 8) {
    const int count = static_cast<int>(n - i < 8 ? n - i : 8);
    store_first(y + i, exp(load_first(x + i, count)), count);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
