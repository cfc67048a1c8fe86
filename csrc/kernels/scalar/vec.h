#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "kernels/body/flushed.h"

// Eight float lanes in plain C++; kernels/avx2/vec.h has the same functions with the same results.
namespace fluxmlx::kernels::scalar {

struct F8 {
  float lane[8];
};

template <class Operation>
inline F8 each(Operation operation) {
  F8 result;
  for (int i = 0; i < 8; ++i) result.lane[i] = operation(i);
  return result;
}

inline F8 broadcast(float x) {
  return each([=](int) { return x; });
}
inline F8 load(const float* p) {
  return each([=](int i) { return p[i]; });
}
inline F8 load_first(const float* p, int n) {  // zeros behind the first n
  return each([=](int i) { return i < n ? p[i] : 0.0f; });
}
inline F8 load_half(const uint16_t* p) {
  return each([=](int i) { return f16_to_f32(p[i]); });
}
inline F8 load_bfloat(const uint16_t* p) {
  return each([=](int i) {
    const uint32_t bits = static_cast<uint32_t>(p[i]) << 16;
    float number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
  });
}
// Of eight pairs of BF16; these and the functions that end in _flushed take subnormal numbers as zeros.
inline F8 load_first_bfloats(const uint32_t* p) {
  return each([=](int i) { return flushed(std::bit_cast<float>(p[i] << 16)); });
}
inline F8 load_second_bfloats(const uint32_t* p) {
  return each([=](int i) { return flushed(std::bit_cast<float>(p[i] & 0xffff0000u)); });
}
inline F8 load_codes(const int8_t* p) {
  return each([=](int i) { return static_cast<float>(p[i]); });
}
inline void store(float* p, const F8& a) { std::memcpy(p, a.lane, sizeof a.lane); }
inline void store_first(float* p, const F8& a, int n) {
  for (int i = 0; i < n; ++i) p[i] = a.lane[i];
}
inline void store_half(uint16_t* p, const F8& a) {  // to nearest, ties to even
  for (int i = 0; i < 8; ++i) p[i] = f32_to_f16(a.lane[i]);
}

inline F8 add(const F8& a, const F8& b) {
  return each([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline F8 sub(const F8& a, const F8& b) {
  return each([&](int i) { return a.lane[i] - b.lane[i]; });
}
inline F8 mul(const F8& a, const F8& b) {
  return each([&](int i) { return a.lane[i] * b.lane[i]; });
}
inline F8 div(const F8& a, const F8& b) {
  return each([&](int i) { return a.lane[i] / b.lane[i]; });
}
inline F8 square_root(const F8& a) {
  return each([&](int i) { return std::sqrt(a.lane[i]); });
}
inline F8 fma(const F8& a, const F8& b, const F8& c) {  // a * b + c, rounded once
  return each([&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
}
inline F8 fma_flushed(const F8& a, const F8& b, const F8& c) {  // a and b of load_..._bfloats()
  return each([&](int i) { return fma_flushed(a.lane[i], b.lane[i], c.lane[i]); });
}
inline F8 add_flushed(const F8& a, const F8& b) {
  return each([&](int i) { return flushed(a.lane[i] + b.lane[i]); });
}
// Around functions that end in _flushed, on one thread: elsewhere the processor does it.
inline unsigned flush_subnormals() { return 0; }
inline void restore_mode(unsigned) {}
inline F8 negate(const F8& a) {
  return each([&](int i) { return -a.lane[i]; });
}
// The second operand where either is NaN.
inline F8 max(const F8& a, const F8& b) {
  return each([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline F8 min(const F8& a, const F8& b) {
  return each([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
// x is four pairs and turns four pairs (cosine, sine): (a c - b s, b c + a s).
inline F8 rotate_pairs(const F8& x, const F8& turns) {
  return each([&](int i) {
    const float cosine = turns.lane[i / 2 * 2], sine = turns.lane[i / 2 * 2 + 1];
    return i % 2 == 0 ? x.lane[i] * cosine - x.lane[i + 1] * sine : x.lane[i] * cosine + x.lane[i - 1] * sine;
  });
}
// Lanes 0, 2, 4 ... and 1, 3, 5 ... of sixteen.
inline F8 even_lanes(const F8& a, const F8& b) {
  return each([&](int i) { return i < 4 ? a.lane[2 * i] : b.lane[2 * i - 8]; });
}
inline F8 odd_lanes(const F8& a, const F8& b) {
  return each([&](int i) { return i < 4 ? a.lane[2 * i + 1] : b.lane[2 * i - 7]; });
}
// Zero where x < limit, else a.
inline F8 zero_below(const F8& x, const F8& limit, const F8& a) {
  return each([&](int i) { return x.lane[i] < limit.lane[i] ? 0.0f : a.lane[i]; });
}
// 2^n of an n that was added to 1.5 * 2^23, which leaves it in the low bits.
inline F8 power_of_two(const F8& shifted) {
  return each([&](int i) {
    uint32_t bits;
    std::memcpy(&bits, &shifted.lane[i], sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return power;
  });
}

// ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))
inline float reduce_add(const F8& a) {
  return ((a.lane[0] + a.lane[1]) + (a.lane[2] + a.lane[3])) + ((a.lane[4] + a.lane[5]) + (a.lane[6] + a.lane[7]));
}
inline void reduce_add4(const F8& a, const F8& b, const F8& c, const F8& d, float* out) {
  out[0] = reduce_add(a);
  out[1] = reduce_add(b);
  out[2] = reduce_add(c);
  out[3] = reduce_add(d);
}
inline float larger(float a, float b) { return a > b ? a : b; }
inline float reduce_max(const F8& a) {
  const float even = larger(larger(a.lane[0], a.lane[4]), larger(a.lane[2], a.lane[6]));
  const float odd = larger(larger(a.lane[1], a.lane[5]), larger(a.lane[3], a.lane[7]));
  return larger(even, odd);
}

}  // namespace fluxmlx::kernels::scalar
