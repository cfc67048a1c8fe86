#include "kernels/spread.h"

#include <cstring>

namespace fluxmlx::kernels {
namespace {

using enum TensorType;

// The 6-bit scales and mins of Q4_K and Q5_K, 12 bytes, as 8 bytes each.
void spread_scales_k4(const uint8_t* packed, uint8_t* scales, uint8_t* mins) {
  for (int i = 0; i < 4; ++i) {
    scales[i] = packed[i] & 63;
    mins[i] = packed[4 + i] & 63;
    scales[4 + i] = static_cast<uint8_t>((packed[8 + i] & 15) | ((packed[i] >> 2) & 48));
    mins[4 + i] = static_cast<uint8_t>((packed[8 + i] >> 4) | ((packed[4 + i] >> 2) & 48));
  }
}

void gather_scales_k4(const uint8_t* scales, const uint8_t* mins, uint8_t* packed) {
  for (int i = 0; i < 4; ++i) {
    packed[i] = static_cast<uint8_t>(scales[i] | ((scales[4 + i] >> 4) << 6));
    packed[4 + i] = static_cast<uint8_t>(mins[i] | ((mins[4 + i] >> 4) << 6));
    packed[8 + i] = static_cast<uint8_t>((scales[4 + i] & 15) | (mins[4 + i] << 4));
  }
}

// The 6-bit scales of Q3_K, 12 bytes, less 32 as 16 signed bytes.
void spread_scales_k3(const uint8_t* packed, uint8_t* scales) {
  for (int g = 0; g < 16; ++g) {
    const int low = (packed[g % 8] >> (g / 8 * 4)) & 15, high = (packed[8 + g % 4] >> (g / 4 * 2)) & 3;
    scales[g] = static_cast<uint8_t>((low | (high << 4)) - 32);
  }
}

void gather_scales_k3(const uint8_t* scales, uint8_t* packed) {
  std::memset(packed, 0, 12);
  for (int g = 0; g < 16; ++g) {
    const int scale = (scales[g] + 32) & 63;
    packed[g % 8] |= static_cast<uint8_t>((scale & 15) << (g / 8 * 4));
    packed[8 + g % 4] |= static_cast<uint8_t>((scale >> 4) << (g / 4 * 2));
  }
}

// The 6-bit scales of IQ4_XS, high bits in 2 bytes before low ones in 4, less 32 as 8 signed bytes.
void spread_scales_iq4(const uint8_t* packed, uint8_t* scales) {
  for (int g = 0; g < 8; ++g) {
    const int low = (packed[2 + g / 2] >> (g % 2 * 4)) & 15, high = (packed[g / 4] >> (g % 4 * 2)) & 3;
    scales[g] = static_cast<uint8_t>((low | (high << 4)) - 32);
  }
}

void gather_scales_iq4(const uint8_t* scales, uint8_t* packed) {
  std::memset(packed, 0, 6);
  for (int g = 0; g < 8; ++g) {
    const int scale = (scales[g] + 32) & 63;
    packed[2 + g / 2] |= static_cast<uint8_t>((scale & 15) << (g % 2 * 4));
    packed[g / 4] |= static_cast<uint8_t>((scale >> 4) << (g % 4 * 2));
  }
}

// Bit 4 v + j of four bytes <-> bit v of byte j.
void spread_fifth_bits(const uint8_t* packed, uint8_t* bits) {
  std::memset(bits, 0, 4);
  for (int i = 0; i < 32; ++i) bits[i % 4] |= static_cast<uint8_t>(((packed[i / 8] >> (i % 8)) & 1) << (i / 4));
}

void gather_fifth_bits(const uint8_t* bits, uint8_t* packed) {
  std::memset(packed, 0, 4);
  for (int i = 0; i < 32; ++i) packed[i / 8] |= static_cast<uint8_t>(((bits[i % 4] >> (i / 4)) & 1) << (i % 8));
}

// Of Q6_K, 128 columns at a time: four bytes of high bits, then the two of low bits that go with them. A kernel thus
// reads memory in one direction only; with low and high bits apart it streams at a quarter of the speed.
template <class Copy>
void for_each_triple_k6(const Copy& copy) {
  for (int i = 0; i < 16; ++i) {
    const int half = i / 8, four = i % 8 * 4;
    copy(12 * i, 128 + 32 * half + four);
    copy(12 * i + 4, 64 * half + four);
    copy(12 * i + 8, 64 * half + 32 + four);
  }
}

// Signed codes <-> offset binary.
void flip_signs(const uint8_t* from, uint8_t* to) {
  for (int i = 0; i < 32; ++i) to[i] = from[i] ^ 0x80;
}

}  // namespace

void spread(TensorType type, const uint8_t* block, uint8_t* fields) {
  const size_t n = tensor_type_info(type).block_bytes;
  std::memcpy(fields, block, n);
  if (type == Q8_0) flip_signs(block + 2, fields + 2);
  if (type == Q5_0) spread_fifth_bits(block + 2, fields + 2);
  if (type == Q5_1) spread_fifth_bits(block + 4, fields + 4);
  if (type == Q2_K) {
    std::memcpy(fields, block + 80, 4);
    std::memcpy(fields + 4, block, 80);
  }
  if (type == Q3_K) {
    std::memcpy(fields, block + 108, 2);
    spread_scales_k3(block + 96, fields + 2);
    std::memcpy(fields + 18, block, 96);
  }
  if (type == Q4_K || type == Q5_K) {
    spread_scales_k4(block + 4, fields + 4, fields + 12);
    std::memcpy(fields + 20, block + 16, n - 16);
  }
  if (type == Q6_K) {
    std::memcpy(fields, block + 208, 2);
    std::memcpy(fields + 2, block + 192, 16);
    for_each_triple_k6([&](int to, int from) { std::memcpy(fields + 18 + to, block + from, 4); });
  }
  if (type == IQ4_XS) {
    spread_scales_iq4(block + 2, fields + 2);
    std::memcpy(fields + 10, block + 8, 128);
  }
}

void gather(TensorType type, const uint8_t* fields, uint8_t* block) {
  const size_t n = tensor_type_info(type).block_bytes;
  std::memcpy(block, fields, n);
  if (type == Q8_0) flip_signs(fields + 2, block + 2);
  if (type == Q5_0) gather_fifth_bits(fields + 2, block + 2);
  if (type == Q5_1) gather_fifth_bits(fields + 4, block + 4);
  if (type == Q2_K) {
    std::memcpy(block + 80, fields, 4);
    std::memcpy(block, fields + 4, 80);
  }
  if (type == Q3_K) {
    std::memcpy(block + 108, fields, 2);
    gather_scales_k3(fields + 2, block + 96);
    std::memcpy(block, fields + 18, 96);
  }
  if (type == Q4_K || type == Q5_K) {
    gather_scales_k4(fields + 4, fields + 12, block + 4);
    std::memcpy(block + 16, fields + 20, n - 16);
  }
  if (type == Q6_K) {
    std::memcpy(block + 208, fields, 2);
    std::memcpy(block + 192, fields + 2, 16);
    for_each_triple_k6([&](int from, int to) { std::memcpy(block + to, fields + 18 + from, 4); });
  }
  if (type == IQ4_XS) {
    gather_scales_iq4(fields + 2, block + 2);
    std::memcpy(block + 8, fields + 10, 128);
  }
}

}  // namespace fluxmlx::kernels
