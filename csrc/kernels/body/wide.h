#pragma once

#include <cstdint>

// Sixteen float lanes as two vectors of eight, and the tiles of attention that sixteen registers hold.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct F16 {
  F8 low, high;
};

template <class V>
inline V broadcast_as(float x) {
  if constexpr (sizeof(V) == sizeof(F16)) {
    return {broadcast(x), broadcast(x)};
  } else {
    return broadcast(x);
  }
}

inline F16 load_16(const float* p) { return {load(p), load(p + 8)}; }
inline F16 load_half_16(const uint16_t* p) { return {load_half(p), load_half(p + 8)}; }
inline F16 load_first_bfloats_16(const uint32_t* p) { return {load_first_bfloats(p), load_first_bfloats(p + 8)}; }
inline F16 load_second_bfloats_16(const uint32_t* p) { return {load_second_bfloats(p), load_second_bfloats(p + 8)}; }
inline F16 load_codes_16(const int8_t* p) { return {load_codes(p), load_codes(p + 8)}; }
inline void store(float* p, const F16& a) {
  store(p, a.low);
  store(p + 8, a.high);
}

inline F16 add(const F16& a, const F16& b) { return {add(a.low, b.low), add(a.high, b.high)}; }
inline F16 sub(const F16& a, const F16& b) { return {sub(a.low, b.low), sub(a.high, b.high)}; }
inline F16 mul(const F16& a, const F16& b) { return {mul(a.low, b.low), mul(a.high, b.high)}; }
inline F16 max(const F16& a, const F16& b) { return {max(a.low, b.low), max(a.high, b.high)}; }
inline F16 min(const F16& a, const F16& b) { return {min(a.low, b.low), min(a.high, b.high)}; }
inline F16 fma(const F16& a, const F16& b, const F16& c) {
  return {fma(a.low, b.low, c.low), fma(a.high, b.high, c.high)};
}
inline F16 fma_flushed(const F16& a, const F16& b, const F16& c) {
  return {fma_flushed(a.low, b.low, c.low), fma_flushed(a.high, b.high, c.high)};
}
inline F16 zero_below(const F16& x, const F16& limit, const F16& a) {
  return {zero_below(x.low, limit.low, a.low), zero_below(x.high, limit.high, a.high)};
}
inline F16 power_of_two(const F16& shifted) { return {power_of_two(shifted.low), power_of_two(shifted.high)}; }

inline const F8& low_half(const F16& a) { return a.low; }
inline const F8& high_half(const F16& a) { return a.high; }

// Lane i + 8 behind lane i, then as of eight.
inline float reduce_add(const F16& a) { return reduce_add(add(a.low, a.high)); }
inline float reduce_max(const F16& a) { return reduce_max(max(a.low, a.high)); }

inline constexpr int kMostQueries = 6;  // of a tile: twelve sums, two vectors of cells and a factor

// Rows of sixteen cells that T queries take at once, so that enough sums are under way to hide the latency of each.
constexpr int groups_at_once(int T) { return T == 1 ? 4 : T == 2 ? 2 : 1; }

inline constexpr int kFloatGroup = 6;  // tokens that meet a vector of weights: twelve sums, the weights and a factor

// Vectors of a wide strip that T tokens take at once.
constexpr int vectors_at_once(int T) { return T <= 3 ? 2 : 1; }

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
