#pragma once

#include "kernels/neon/vec.h"

// Small integers in two NEON registers, rows 0 to 3 and 4 to 7; kernels/scalar/ints.h says what each function means.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct B32 {
  uint8x16_t low, high;
};
struct I8 {
  int32x4_t low, high;
};
struct Pairs {
  int16x8_t first, second;
};

inline B32 load_bytes(const uint8_t* p) { return {vld1q_u8(p), vld1q_u8(p + 16)}; }
template <class Operation>
inline B32 each_half(const B32& a, Operation operation) {
  return {operation(a.low), operation(a.high)};
}
inline B32 low_nibbles(B32 a) {
  return each_half(a, [](uint8x16_t v) { return vandq_u8(v, vdupq_n_u8(15)); });
}
inline B32 high_nibbles(B32 a) {
  return each_half(a, [](uint8x16_t v) { return vshrq_n_u8(v, 4); });
}

inline int16x8_t widened(uint8x8_t a) { return vreinterpretq_s16_u16(vmovl_u8(a)); }
inline Pairs load_pairs(const uint8_t* p) {
  const uint8x8x2_t both = vld2_u8(p);
  return {widened(both.val[0]), widened(both.val[1])};
}
inline Pairs load_words(const uint8_t* p) {
  const uint8x16_t low = vld1q_u8(p), high = vld1q_u8(p + 16);
  const int16x8_t a = vreinterpretq_s16_u8(low), b = vreinterpretq_s16_u8(high);
  return {vuzp1q_s16(a, b), vuzp2q_s16(a, b)};
}
inline Pairs load_signed_pairs(const uint8_t* p) {
  const int8x8x2_t both = vld2_s8(reinterpret_cast<const int8_t*>(p));
  return {vmovl_s8(both.val[0]), vmovl_s8(both.val[1])};
}
template <int kFirst, int kSecond>
inline Pairs equal_pairs() {
  return {vdupq_n_s16(kFirst), vdupq_n_s16(kSecond)};
}

template <int kFrom, int kMask, int kTo>
inline int16x8_t bit_field(int16x8_t a) {
  uint16x8_t bits = vreinterpretq_u16_s16(a);
  if constexpr (kFrom > 0) bits = vshrq_n_u16(bits, kFrom);
  if constexpr (kMask != 0xffff >> kFrom) bits = vandq_u16(bits, vdupq_n_u16(kMask));
  if constexpr (kTo > 0) bits = vshlq_n_u16(bits, kTo);
  return vreinterpretq_s16_u16(bits);
}
template <int kFrom, int kMask, int kTo>
inline Pairs bit_field(Pairs a) {
  return {bit_field<kFrom, kMask, kTo>(a.first), bit_field<kFrom, kMask, kTo>(a.second)};
}
inline Pairs low_nibbles(Pairs a) { return bit_field<0, 15, 0>(a); }
inline Pairs high_nibbles(Pairs a) { return bit_field<4, 15, 0>(a); }
inline Pairs either(Pairs a, Pairs b) { return {vorrq_s16(a.first, b.first), vorrq_s16(a.second, b.second)}; }
inline int16x8_t odd(int16x8_t a) { return vaddq_s16(vaddq_s16(a, a), vdupq_n_s16(1)); }
inline Pairs odd(Pairs a) { return {odd(a.first), odd(a.second)}; }

inline B32 either(B32 a, B32 b) { return {vorrq_u8(a.low, b.low), vorrq_u8(a.high, b.high)}; }
// The mask is not needed where a shift leaves nothing else.
template <int kFrom, int kMask, int kTo>
inline B32 bit_field(B32 a) {
  return each_half(a, [](uint8x16_t v) {
    if constexpr (kFrom > kTo) v = vshrq_n_u8(v, kFrom - kTo);
    if constexpr (kTo > kFrom) v = vshlq_n_u8(v, kTo - kFrom);
    if constexpr (kTo == 0 && kMask == 0xff >> kFrom) return v;
    return vandq_u8(v, vdupq_n_u8(kMask << kTo));
  });
}
template <int kByte>
inline B32 repeat_byte(B32 a) {
  const uint8_t order[16] = {kByte,      kByte,      kByte,      kByte,     kByte + 4, kByte + 4,
                             kByte + 4,  kByte + 4,  kByte + 8,  kByte + 8, kByte + 8, kByte + 8,
                             kByte + 12, kByte + 12, kByte + 12, kByte + 12};
  return each_half(a, [places = vld1q_u8(order)](uint8x16_t v) { return vqtbl1q_u8(v, places); });
}
inline B32 look_up(B32 nibbles, const uint8_t (&table)[16]) {
  return each_half(nibbles, [values = vld1q_u8(table)](uint8x16_t v) { return vqtbl1q_u8(values, v); });
}

// Eight bytes as numbers of 32 bits.
struct U8 {
  uint32x4_t low, high;
};
inline U8 load_eight(const uint8_t* p) {
  const uint16x8_t words = vmovl_u8(vld1_u8(p));
  return {vmovl_u16(vget_low_u16(words)), vmovl_high_u16(words)};
}
template <class Operation>
inline F8 as_floats(const U8& a, Operation bits_of) {
  return {vreinterpretq_f32_u32(bits_of(a.low)), vreinterpretq_f32_u32(bits_of(a.high))};
}
inline F8 load_half_powers(const uint8_t* p) {
  return as_floats(load_eight(p), [](uint32x4_t e) {
    const uint32x4_t normal = vshlq_n_u32(vsubq_u32(e, vdupq_n_u32(1)), 23);
    const uint32x4_t tiny = vshlq_u32(vdupq_n_u32(0x00200000), vreinterpretq_s32_u32(e));
    return vbslq_u32(vcltq_u32(e, vdupq_n_u32(2)), tiny, normal);
  });
}
inline F8 load_half_ue4m3(const uint8_t* p) {
  const F8 numbers = as_floats(load_eight(p), [](uint32x4_t code) {
    const uint32x4_t size = vandq_u32(code, vdupq_n_u32(0x7f));
    return vbicq_u32(vshlq_n_u32(size, 20), vceqq_u32(code, vdupq_n_u32(0x7f)));
  });
  return mul(numbers, broadcast(0x1p119f));
}
inline F8 load_half_e4m3(const uint8_t* p) {
  const F8 numbers = as_floats(load_eight(p), [](uint32x4_t code) {
    const uint32x4_t size = vandq_u32(code, vdupq_n_u32(0x7f)), sign = vandq_u32(code, vdupq_n_u32(0x80));
    const uint32x4_t is_nan = vceqq_u32(size, vdupq_n_u32(0x7f));
    return vorrq_u32(vbslq_u32(is_nan, vdupq_n_u32(0x7fc00000), vshlq_n_u32(size, 20)), vshlq_n_u32(sign, 24));
  });
  return mul(numbers, broadcast(0x1p119f));
}

inline I8 sub(I8 a, I8 b) { return {vsubq_s32(a.low, b.low), vsubq_s32(a.high, b.high)}; }
inline I8 add(I8 a, I8 b) { return {vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high)}; }
inline I8 broadcast_int(int32_t x) { return {vdupq_n_s32(x), vdupq_n_s32(x)}; }
template <int kBits>
inline I8 shift_left(I8 a) {
  return {vshlq_n_s32(a.low, kBits), vshlq_n_s32(a.high, kBits)};
}
inline I8 max(I8 a, I8 b) { return {vmaxq_s32(a.low, b.low), vmaxq_s32(a.high, b.high)}; }
inline F8 to_float(I8 a) { return {vcvtq_f32_s32(a.low), vcvtq_f32_s32(a.high)}; }
inline I8 magnitude_bits(F8 a) {
  const int32x4_t size = vdupq_n_s32(0x7fffffff);
  return {vandq_s32(vreinterpretq_s32_f32(a.low), size), vandq_s32(vreinterpretq_s32_f32(a.high), size)};
}
inline I8 round_to_int(F8 a) { return {vcvtnq_s32_f32(a.low), vcvtnq_s32_f32(a.high)}; }
inline int reduce_max(I8 a) { return vmaxvq_s32(vmaxq_s32(a.low, a.high)); }

inline int16x8_t narrowed(I8 a) { return vuzp1q_s16(vreinterpretq_s16_s32(a.low), vreinterpretq_s16_s32(a.high)); }
inline int8x16_t narrowed(I8 a, I8 b) {
  return vuzp1q_s8(vreinterpretq_s8_s16(narrowed(a)), vreinterpretq_s8_s16(narrowed(b)));
}
inline void store_low_bytes(int8_t* p, I8 a, I8 b, I8 c, I8 d) {
  vst1q_s8(p, narrowed(a, b));
  vst1q_s8(p + 16, narrowed(c, d));
}
inline void sum_halves(const int8_t* p, int32_t (&sums)[2]) {
  sums[0] = vaddlvq_s8(vld1q_s8(p));
  sums[1] = vaddlvq_s8(vld1q_s8(p + 16));
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
