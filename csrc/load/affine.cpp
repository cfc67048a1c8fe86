#include "load/affine.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "load/affine_levels.h"
#include "quant/dequantize.h"

namespace fluxmlx::load {
namespace {

float half_at(const std::byte* p) {
  uint16_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return f16_to_f32(bits);
}

uint8_t byte_at(const std::byte* p, int64_t i) { return static_cast<uint8_t>(p[i]); }

// The low nibbles are weights 0-15 of a block, the high ones 16-31.
void split_nibbles(const std::byte* packed, uint8_t* codes) {
  for (int i = 0; i < 16; ++i) {
    codes[i] = byte_at(packed, i) & 15;
    codes[i + 16] = byte_at(packed, i) >> 4;
  }
}

void add_fifth_bits(const std::byte* bits, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) codes[i] |= static_cast<uint8_t>(((byte_at(bits, i / 8) >> (i % 8)) & 1) << 4);
}

void group_q4_0(const std::byte* block, uint8_t* codes, float* scale, float* bias) {
  *scale = half_at(block);
  *bias = -8 * *scale;
  split_nibbles(block + 2, codes);
}

void group_q4_1(const std::byte* block, uint8_t* codes, float* scale, float* bias) {
  *scale = half_at(block);
  *bias = half_at(block + 2);
  split_nibbles(block + 4, codes);
}

void group_q5_0(const std::byte* block, uint8_t* codes, float* scale, float* bias) {
  *scale = half_at(block);
  *bias = -16 * *scale;
  split_nibbles(block + 6, codes);
  add_fifth_bits(block + 2, codes);
}

void group_q5_1(const std::byte* block, uint8_t* codes, float* scale, float* bias) {
  *scale = half_at(block);
  *bias = half_at(block + 2);
  split_nibbles(block + 8, codes);
  add_fifth_bits(block + 4, codes);
}

void group_q8_0(const std::byte* block, uint8_t* codes, float* scale, float* bias) {
  *scale = half_at(block);
  *bias = -128 * *scale;
  for (int i = 0; i < 32; ++i) codes[i] = byte_at(block, 2 + i) ^ 0x80;  // signed -> offset by 128
}

// The 6-bit scale and minimum of sub-block j, packed in 12 bytes.
void scale_and_min(const std::byte* packed, int j, int* scale, int* minimum) {
  if (j < 4) {
    *scale = byte_at(packed, j) & 63;
    *minimum = byte_at(packed, j + 4) & 63;
    return;
  }
  *scale = (byte_at(packed, j + 4) & 15) | ((byte_at(packed, j - 4) >> 6) << 4);
  *minimum = (byte_at(packed, j + 4) >> 4) | ((byte_at(packed, j) >> 6) << 4);
}

// Q4_K and Q5_K: 8 sub-blocks of 32; pairs of them share 32 bytes, low nibbles first.
void super_block(const std::byte* block, bool five_bits, uint8_t* codes, float* scales, float* biases) {
  const float d = half_at(block);
  const float d_min = half_at(block + 2);
  const std::byte* high = block + 16;
  const std::byte* low = five_bits ? high + 32 : high;
  for (int j = 0; j < 8; ++j) {
    int scale, minimum;
    scale_and_min(block + 4, j, &scale, &minimum);
    scales[j] = d * static_cast<float>(scale);
    biases[j] = -(d_min * static_cast<float>(minimum));
    for (int i = 0; i < 32; ++i) {
      const uint8_t nibble = (byte_at(low, 32 * (j / 2) + i) >> (4 * (j % 2))) & 15;
      const uint8_t fifth = five_bits ? (byte_at(high, i) >> j) & 1 : 0;
      codes[32 * j + i] = static_cast<uint8_t>(nibble | (fifth << 4));
    }
  }
}

// The nearest of 256 levels between the smallest and the largest value of the group.
void group_nearest(const float* values, uint8_t* codes, float* scale, float* bias) {
  const auto [low, high] = std::minmax_element(values, values + kGroupSize);
  *bias = *low;
  *scale = (*high - *low) / 255;
  for (int i = 0; i < kGroupSize; ++i) {
    const float level = *scale > 0 ? std::nearbyint((values[i] - *bias) / *scale) : 0.0f;
    codes[i] = static_cast<uint8_t>(std::clamp(level, 0.0f, 255.0f));
  }
}

using Group = void (*)(const std::byte*, uint8_t*, float*, float*);

Group group_of(TensorType type) {
  switch (type) {
    case TensorType::Q4_0:
      return group_q4_0;
    case TensorType::Q4_1:
      return group_q4_1;
    case TensorType::Q5_0:
      return group_q5_0;
    case TensorType::Q5_1:
      return group_q5_1;
    case TensorType::Q8_0:
      return group_q8_0;
    default:
      return nullptr;
  }
}

void nearest_row(TensorType type, const std::byte* row, int64_t n, uint8_t* codes, float* scales, float* biases) {
  std::vector<float> values(static_cast<size_t>(n));
  quant::find_dequantize(type)(row, n, values.data());
  for (int64_t g = 0; g < n / kGroupSize; ++g) {
    group_nearest(&values[g * kGroupSize], codes + g * kGroupSize, scales + g, biases + g);
  }
}

}  // namespace

AffinePlan affine_plan(TensorType type) noexcept {
  switch (type) {
    case TensorType::Q4_0:
    case TensorType::Q4_1:
    case TensorType::Q4_K:
      return {4, true};
    case TensorType::Q5_0:
    case TensorType::Q5_1:
    case TensorType::Q5_K:
      return {5, true};
    case TensorType::Q8_0:
      return {8, true};
    default:
      if (const int bits = affine_level_bits(type)) return {bits, true};
      return {8, false};
  }
}

void to_affine(TensorType type, const std::byte* row, int64_t n, uint8_t* codes, float* scales, float* biases) {
  if (affine_level_bits(type) != 0) return levels_to_affine(type, row, n, codes, scales, biases);
  const uint32_t block_bytes = tensor_type_info(type).block_bytes;
  if (const Group group = group_of(type)) {
    for (int64_t g = 0; g < n / 32; ++g) group(row + g * block_bytes, codes + 32 * g, scales + g, biases + g);
    return;
  }
  if (type == TensorType::Q4_K || type == TensorType::Q5_K) {
    for (int64_t b = 0; b < n / 256; ++b) {
      super_block(row + b * block_bytes, type == TensorType::Q5_K, codes + 256 * b, scales + 8 * b, biases + 8 * b);
    }
    return;
  }
  nearest_row(type, row, n, codes, scales, biases);
}

void pack_codes(const uint8_t* codes, int64_t n, int bits, uint8_t* packed) {
  uint64_t pending = 0;
  int n_pending = 0;
  for (int64_t i = 0; i < n; ++i) {
    pending |= static_cast<uint64_t>(codes[i]) << n_pending;
    for (n_pending += bits; n_pending >= 8; n_pending -= 8, pending >>= 8) *packed++ = static_cast<uint8_t>(pending);
  }
}

void to_mxfp4(const std::byte* row, int64_t n, uint8_t* packed, uint8_t* exponents) {
  for (int64_t g = 0; g < n / 32; ++g, row += 17, packed += 16) {
    uint8_t codes[32];
    exponents[g] = byte_at(row, 0);
    split_nibbles(row + 1, codes);
    pack_codes(codes, 32, 4, packed);
  }
}

void to_nvfp4(const std::byte* row, int64_t n, uint8_t* packed, uint8_t* scales) {
  for (int64_t b = 0; b < n / 64; ++b, row += 36, packed += 32, scales += 4) {
    for (int g = 0; g < 4; ++g) {
      const uint8_t scale = byte_at(row, g);
      if (scale == 0xff) {
        fail(ErrorCode::unsupported,
             "a scale of NVFP4 is the byte 255, which MLX's arrays cannot hold: use device='cpu'");
      }
      scales[g] = scale == 0x7f ? 0 : scale & 0x7f;
      uint8_t codes[16];
      for (int i = 0; i < 8; ++i) {
        codes[i] = byte_at(row, 4 + 8 * g + i) & 15;
        codes[8 + i] = byte_at(row, 4 + 8 * g + i) >> 4;
      }
      pack_codes(codes, 16, 4, packed + 8 * g);
    }
  }
}

}  // namespace fluxmlx::load
