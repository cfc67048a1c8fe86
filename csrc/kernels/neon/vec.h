#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

// Eight float lanes in two NEON registers; kernels/scalar/vec.h says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct F8 {
  float32x4_t low, high;
};

inline F8 broadcast(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
inline F8 load(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
inline F8 load_first(const float* p, int n) {
  if (n == 8) return load(p);
  float lanes[8] = {};
  std::memcpy(lanes, p, static_cast<size_t>(n) * sizeof(float));
  return load(lanes);
}
inline F8 load_half(const uint16_t* p) {
  const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(p));
  return {vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves)};
}
inline F8 load_bfloat(const uint16_t* p) {
  const uint16x8_t bits = vld1q_u16(p);
  return {vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(bits), 16)),
          vreinterpretq_f32_u32(vshll_high_n_u16(bits, 16))};
}
inline F8 load_first_bfloats(const uint32_t* p) {
  return {vreinterpretq_f32_u32(vshlq_n_u32(vld1q_u32(p), 16)),
          vreinterpretq_f32_u32(vshlq_n_u32(vld1q_u32(p + 4), 16))};
}
inline F8 load_second_bfloats(const uint32_t* p) {
  const uint32x4_t second = vdupq_n_u32(0xffff0000u);
  return {vreinterpretq_f32_u32(vandq_u32(vld1q_u32(p), second)),
          vreinterpretq_f32_u32(vandq_u32(vld1q_u32(p + 4), second))};
}
inline F8 load_codes(const int8_t* p) {
  const int16x8_t codes = vmovl_s8(vld1_s8(p));
  return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(codes))), vcvtq_f32_s32(vmovl_high_s16(codes))};
}
inline void store(float* p, F8 a) {
  vst1q_f32(p, a.low);
  vst1q_f32(p + 4, a.high);
}
inline void store_first(float* p, F8 a, int n) {
  if (n == 8) return store(p, a);
  float lanes[8];
  store(lanes, a);
  std::memcpy(p, lanes, static_cast<size_t>(n) * sizeof(float));
}
inline void store_half(uint16_t* p, F8 a) {
  vst1q_u16(p, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(a.low), a.high)));
}

inline F8 add(F8 a, F8 b) { return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)}; }
inline F8 sub(F8 a, F8 b) { return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)}; }
inline F8 mul(F8 a, F8 b) { return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)}; }
inline F8 div(F8 a, F8 b) { return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)}; }
inline F8 square_root(F8 a) { return {vsqrtq_f32(a.low), vsqrtq_f32(a.high)}; }
inline F8 fma(F8 a, F8 b, F8 c) { return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)}; }
inline F8 negate(F8 a) { return {vnegq_f32(a.low), vnegq_f32(a.high)}; }
inline float32x4_t max(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline float32x4_t min(float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
inline F8 max(F8 a, F8 b) { return {max(a.low, b.low), max(a.high, b.high)}; }
inline F8 min(F8 a, F8 b) { return {min(a.low, b.low), min(a.high, b.high)}; }

inline float32x4_t rotate_pairs(float32x4_t x, float32x4_t turns) {
  const uint32x4_t first = vreinterpretq_u32_u64(vdupq_n_u64(0xffffffffu));  // of each pair
  const float32x4_t straight = vmulq_f32(x, vtrn1q_f32(turns, turns));
  const float32x4_t crossed = vmulq_f32(vrev64q_f32(x), vtrn2q_f32(turns, turns));
  return vbslq_f32(first, vsubq_f32(straight, crossed), vaddq_f32(straight, crossed));
}
inline F8 rotate_pairs(F8 x, F8 turns) { return {rotate_pairs(x.low, turns.low), rotate_pairs(x.high, turns.high)}; }
inline F8 even_lanes(F8 a, F8 b) { return {vuzp1q_f32(a.low, a.high), vuzp1q_f32(b.low, b.high)}; }
inline F8 odd_lanes(F8 a, F8 b) { return {vuzp2q_f32(a.low, a.high), vuzp2q_f32(b.low, b.high)}; }

inline float32x4_t zero_where(uint32x4_t mask, float32x4_t a) {
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a), mask));
}
inline F8 zero_below(F8 x, F8 limit, F8 a) {
  return {zero_where(vcltq_f32(x.low, limit.low), a.low), zero_where(vcltq_f32(x.high, limit.high), a.high)};
}
inline float32x4_t power_of_two(float32x4_t shifted) {
  const uint32x4_t bits = vshlq_n_u32(vreinterpretq_u32_f32(shifted), 23);
  return vreinterpretq_f32_u32(vaddq_u32(bits, vdupq_n_u32(0x3f800000)));
}
inline F8 power_of_two(F8 shifted) { return {power_of_two(shifted.low), power_of_two(shifted.high)}; }

inline float reduce_add(F8 a) {
  const float32x4_t pairs = vpaddq_f32(a.low, a.high);
  return vpadds_f32(vget_low_f32(vpaddq_f32(pairs, pairs)));
}
inline void reduce_add4(F8 a, F8 b, F8 c, F8 d, float* out) {
  const float32x4_t first = vpaddq_f32(vpaddq_f32(a.low, a.high), vpaddq_f32(b.low, b.high));
  const float32x4_t second = vpaddq_f32(vpaddq_f32(c.low, c.high), vpaddq_f32(d.low, d.high));
  vst1q_f32(out, vpaddq_f32(first, second));
}
inline float reduce_max(F8 a) {
  const float32x4_t four = max(a.low, a.high);
  const float32x4_t two = max(four, vextq_f32(four, four, 2));
  const float even = vgetq_lane_f32(two, 0), odd = vgetq_lane_f32(two, 1);
  return even > odd ? even : odd;
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
