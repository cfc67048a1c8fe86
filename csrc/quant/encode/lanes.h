#pragma once

#include <cstring>

namespace fluxmlx::quant {

inline constexpr int kLanes = 8;

using Four = float __attribute__((vector_size(16)));

// Eight floats, in the vectors that every compiler and processor has.
struct Lanes {
  Four low = {}, high = {};

  Lanes& operator+=(const Lanes& other) noexcept {
    low += other.low;
    high += other.high;
    return *this;
  }

  float sum() const noexcept {
    const Four both = low + high;
    return (both[0] + both[2]) + (both[1] + both[3]);
  }
};

inline Lanes load(const float* x) noexcept {
  Lanes lanes;
  std::memcpy(&lanes.low, x, sizeof(Four));
  std::memcpy(&lanes.high, x + 4, sizeof(Four));
  return lanes;
}

inline Lanes operator+(const Lanes& a, float b) noexcept { return {a.low + b, a.high + b}; }
inline Lanes operator-(const Lanes& a, float b) noexcept { return {a.low - b, a.high - b}; }
inline Lanes operator*(const Lanes& a, float b) noexcept { return {a.low * b, a.high * b}; }
inline Lanes operator-(const Lanes& a, const Lanes& b) noexcept { return {a.low - b.low, a.high - b.high}; }
inline Lanes operator*(const Lanes& a, const Lanes& b) noexcept { return {a.low * b.low, a.high * b.high}; }

inline Four clamp(Four x, float low, float high) noexcept {
  const Four least = Four{} + low;
  const Four most = Four{} + high;
  x = x > least ? x : least;
  return x < most ? x : most;
}
inline Lanes clamp(const Lanes& x, float low, float high) noexcept {
  return {clamp(x.low, low, high), clamp(x.high, low, high)};
}
inline float clamp(float x, float low, float high) noexcept {
  const float raised = x > low ? x : low;
  return raised < high ? raised : high;
}

// To the nearest whole number, ties to even, as adding 1.5 * 2^23 rounds: for magnitudes below 2^22.
template <class T>
T nearest(const T& x) noexcept {
  return (x + 0x1.8p23f) - 0x1.8p23f;
}

// What multiplies a weight to give its code; 0 where the scale is 0.
inline float inverse(float scale) noexcept { return scale == 0 ? 0 : 1 / scale; }

}  // namespace fluxmlx::quant
