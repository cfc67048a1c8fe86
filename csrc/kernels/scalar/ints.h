#pragma once

#include "kernels/scalar/vec.h"

// Small integers in plain C++; kernels/avx2/ints.h has the same functions with the same results. Byte 4 r + j of a
// vector belongs to row r of a strip and to column j of four.
namespace fluxmlx::kernels::scalar {

struct B32 {
  uint8_t lane[32];
};

struct I8 {
  int32_t lane[8];
};

// Two small numbers for each of eight rows.
struct Pairs {
  int16_t first[8], second[8];
};

inline B32 load_bytes(const uint8_t* p) {
  B32 result;
  std::memcpy(result.lane, p, sizeof result.lane);
  return result;
}
inline B32 low_nibbles(const B32& a) {
  B32 result;
  for (int i = 0; i < 32; ++i) result.lane[i] = a.lane[i] & 15;
  return result;
}
inline B32 high_nibbles(const B32& a) {
  B32 result;
  for (int i = 0; i < 32; ++i) result.lane[i] = a.lane[i] >> 4;
  return result;
}

template <class Operation>
inline I8 each_int(Operation operation) {
  I8 result;
  for (int i = 0; i < 8; ++i) result.lane[i] = operation(i);
  return result;
}

// Byte 2 r + i is number i of row r.
inline Pairs load_pairs(const uint8_t* p) {
  Pairs result;
  for (int i = 0; i < 8; ++i) result.first[i] = p[2 * i], result.second[i] = p[2 * i + 1];
  return result;
}
// Two numbers of 16 bits, which are not negative as bit_field() gives them.
inline Pairs load_words(const uint8_t* p) {
  Pairs result;
  for (int i = 0; i < 8; ++i) {
    result.first[i] = static_cast<int16_t>(p[4 * i] | p[4 * i + 1] << 8);
    result.second[i] = static_cast<int16_t>(p[4 * i + 2] | p[4 * i + 3] << 8);
  }
  return result;
}
inline Pairs load_signed_pairs(const uint8_t* p) {
  Pairs result;
  for (int i = 0; i < 8; ++i) {
    result.first[i] = static_cast<int8_t>(p[2 * i]);
    result.second[i] = static_cast<int8_t>(p[2 * i + 1]);
  }
  return result;
}
// The same two numbers for all rows.
template <int kFirst, int kSecond>
inline Pairs equal_pairs() {
  Pairs result;
  for (int i = 0; i < 8; ++i) result.first[i] = kFirst, result.second[i] = kSecond;
  return result;
}
// Of unsigned bytes.
inline Pairs low_nibbles(const Pairs& a) {
  Pairs result;
  for (int i = 0; i < 8; ++i) result.first[i] = a.first[i] & 15, result.second[i] = a.second[i] & 15;
  return result;
}
inline Pairs high_nibbles(const Pairs& a) {
  Pairs result;
  for (int i = 0; i < 8; ++i) result.first[i] = a.first[i] >> 4, result.second[i] = a.second[i] >> 4;
  return result;
}
inline B32 either(const B32& a, const B32& b) {
  B32 result;
  for (int i = 0; i < 32; ++i) result.lane[i] = a.lane[i] | b.lane[i];
  return result;
}
// ((byte >> kFrom) & kMask) << kTo; the result must fit into a byte.
template <int kFrom, int kMask, int kTo>
inline B32 bit_field(const B32& a) {
  B32 result;
  for (int i = 0; i < 32; ++i) result.lane[i] = static_cast<uint8_t>(((a.lane[i] >> kFrom) & kMask) << kTo);
  return result;
}

inline Pairs either(const Pairs& a, const Pairs& b) {
  Pairs result;
  for (int i = 0; i < 8; ++i) {
    result.first[i] = a.first[i] | b.first[i];
    result.second[i] = a.second[i] | b.second[i];
  }
  return result;
}
// The same for words of 16 bits.
template <int kFrom, int kMask, int kTo>
inline Pairs bit_field(const Pairs& a) {
  const auto field = [](int16_t word) {
    return static_cast<int16_t>(((static_cast<uint16_t>(word) >> kFrom) & kMask) << kTo);
  };
  Pairs result;
  for (int i = 0; i < 8; ++i) result.first[i] = field(a.first[i]), result.second[i] = field(a.second[i]);
  return result;
}
// 2 a + 1
inline Pairs odd(const Pairs& a) {
  Pairs result;
  for (int i = 0; i < 8; ++i) {
    result.first[i] = static_cast<int16_t>(2 * a.first[i] + 1);
    result.second[i] = static_cast<int16_t>(2 * a.second[i] + 1);
  }
  return result;
}
// Byte kByte of each row in all four of it.
template <int kByte>
inline B32 repeat_byte(const B32& a) {
  B32 result;
  for (int i = 0; i < 32; ++i) result.lane[i] = a.lane[i / 4 * 4 + kByte];
  return result;
}

// table[nibble] in each byte
inline B32 look_up(const B32& nibbles, const uint8_t (&table)[16]) {
  B32 result;
  for (int i = 0; i < 32; ++i) result.lane[i] = table[nibbles.lane[i]];
  return result;
}

// Half of 2^(e - 127) for eight exponents, as the E8M0 scales of MXFP4.
inline F8 load_half_powers(const uint8_t* p) {
  return each([&](int i) {
    const uint32_t bits = p[i] < 2 ? 0x00200000u << p[i] : static_cast<uint32_t>(p[i] - 1) << 23;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return power;
  });
}

// Half of eight unsigned E4M3 numbers, as the scales of NVFP4: 0x7f is zero, the sign is ignored.
inline F8 load_half_ue4m3(const uint8_t* p) {
  return each([&](int i) {
    const uint32_t bits = p[i] == 0x7f ? 0 : static_cast<uint32_t>(p[i] & 0x7f) << 20;
    float number;
    std::memcpy(&number, &bits, sizeof number);
    return number * 0x1p119f;
  });
}

// The same with a sign, and NaN for 0x7f.
inline F8 load_half_e4m3(const uint8_t* p) {
  return each([&](int i) {
    const uint32_t size = (p[i] & 0x7f) == 0x7f ? 0x7fc00000u : static_cast<uint32_t>(p[i] & 0x7f) << 20;
    const uint32_t bits = size | static_cast<uint32_t>(p[i] & 0x80) << 24;
    float number;
    std::memcpy(&number, &bits, sizeof number);
    return number * 0x1p119f;
  });
}

inline I8 sub(const I8& a, const I8& b) {
  return each_int([&](int i) { return a.lane[i] - b.lane[i]; });
}
inline I8 add(const I8& a, const I8& b) {
  return each_int([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline I8 broadcast_int(int32_t x) {
  return each_int([=](int) { return x; });
}
template <int kBits>
inline I8 shift_left(const I8& a) {
  return each_int([&](int i) { return a.lane[i] * (1 << kBits); });
}
inline I8 max(const I8& a, const I8& b) {
  return each_int([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline F8 to_float(const I8& a) {
  return each([&](int i) { return static_cast<float>(a.lane[i]); });
}
// The bits of |a|: ordered as the magnitudes are, NaN above all.
inline I8 magnitude_bits(const F8& a) {
  return each_int([&](int i) {
    int32_t bits;
    std::memcpy(&bits, &a.lane[i], sizeof bits);
    return bits & 0x7fffffff;
  });
}
// To nearest, ties to even; for |a| below 2^22.
inline I8 round_to_int(const F8& a) {
  return each_int([&](int i) { return static_cast<int32_t>((a.lane[i] + 12582912.0f) - 12582912.0f); });
}

inline int reduce_max(const I8& a) {
  int most = a.lane[0];
  for (int i = 1; i < 8; ++i) most = a.lane[i] > most ? a.lane[i] : most;
  return most;
}
// 32 numbers from -128 to 127 as bytes.
inline void store_low_bytes(int8_t* p, const I8& a, const I8& b, const I8& c, const I8& d) {
  for (int i = 0; i < 8; ++i) {
    p[i] = static_cast<int8_t>(a.lane[i]);
    p[8 + i] = static_cast<int8_t>(b.lane[i]);
    p[16 + i] = static_cast<int8_t>(c.lane[i]);
    p[24 + i] = static_cast<int8_t>(d.lane[i]);
  }
}
// Sums of the first 16 of 32 bytes, and of the last 16.
inline void sum_halves(const int8_t* p, int32_t (&sums)[2]) {
  sums[0] = sums[1] = 0;
  for (int i = 0; i < 32; ++i) sums[i / 16] += p[i];
}

}  // namespace fluxmlx::kernels::scalar
