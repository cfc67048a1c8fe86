#include "kernels/spread.h"

#include <cstring>

#include "kernels/levels.h"

namespace fluxmlx::kernels {
namespace {

using enum TensorType;

struct ScalesK4 {
  uint8_t scales[8], mins[8];
};

// The 6-bit scales and mins of Q4_K and Q5_K from 12 bytes.
ScalesK4 read_scales_k4(const uint8_t* packed) {
  ScalesK4 all;
  for (int i = 0; i < 4; ++i) {
    all.scales[i] = packed[i] & 63;
    all.mins[i] = packed[4 + i] & 63;
    all.scales[4 + i] = static_cast<uint8_t>((packed[8 + i] & 15) | ((packed[i] >> 2) & 48));
    all.mins[4 + i] = static_cast<uint8_t>((packed[8 + i] >> 4) | ((packed[4 + i] >> 2) & 48));
  }
  return all;
}

void write_scales_k4(const ScalesK4& all, uint8_t* packed) {
  for (int i = 0; i < 4; ++i) {
    packed[i] = static_cast<uint8_t>(all.scales[i] | ((all.scales[4 + i] >> 4) << 6));
    packed[4 + i] = static_cast<uint8_t>(all.mins[i] | ((all.mins[4 + i] >> 4) << 6));
    packed[8 + i] = static_cast<uint8_t>((all.scales[4 + i] & 15) | (all.mins[4 + i] << 4));
  }
}

// The same as three words of 16 bits for the even groups beside three for the odd ones. From bit 0: scales 0 and 1 of
// the four groups, scales 2 and 3, mins 0 and 1; from bit 12: the low bits of min 2, the high bits of mins 2 and 3, the
// low bits of min 3.
void spread_scales_k4(const uint8_t* packed, uint8_t* words) {
  const ScalesK4 all = read_scales_k4(packed);
  for (int odd = 0; odd < 2; ++odd) {
    const uint8_t *s = all.scales + odd, *m = all.mins + odd;
    const int of_word[3] = {s[0] | s[2] << 6 | (m[4] & 15) << 12, s[4] | s[6] << 6 | m[4] >> 4 << 12 | m[6] >> 4 << 14,
                            m[0] | m[2] << 6 | (m[6] & 15) << 12};
    for (int i = 0; i < 3; ++i) {
      words[4 * i + 2 * odd] = static_cast<uint8_t>(of_word[i]);
      words[4 * i + 2 * odd + 1] = static_cast<uint8_t>(of_word[i] >> 8);
    }
  }
}

void gather_scales_k4(const uint8_t* words, uint8_t* packed) {
  ScalesK4 all;
  for (int odd = 0; odd < 2; ++odd) {
    const auto bits = [&](int i, int from, int mask) {
      return static_cast<uint8_t>(((words[4 * i + 2 * odd] | words[4 * i + 2 * odd + 1] << 8) >> from) & mask);
    };
    for (int i = 0; i < 4; ++i) all.scales[2 * i + odd] = bits(i / 2, i % 2 * 6, 63);
    for (int i = 0; i < 2; ++i) {
      all.mins[2 * i + odd] = bits(2, 6 * i, 63);
      all.mins[4 + 2 * i + odd] = static_cast<uint8_t>(bits(2 * i, 12, 15) | bits(1, 12 + 2 * i, 3) << 4);
    }
  }
  write_scales_k4(all, packed);
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
  if (const MlxType* mlx = find_mlx_type(type)) return spread_mlx(*mlx, block, fields);
  if (has_levels(type)) return spread_levels(type, block, fields);
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
  if (type == Q4_K || type == Q5_K) spread_scales_k4(block + 4, fields + 4);
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
  if (const MlxType* mlx = find_mlx_type(type)) return gather_mlx(*mlx, fields, block);
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
  if (type == Q4_K || type == Q5_K) gather_scales_k4(fields + 4, block + 4);
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
