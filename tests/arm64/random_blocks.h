#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/half.h"
#include "base/mlx_type.h"
#include "base/tensor_type.h"

// Inputs of kernels_check.cpp: the same on every platform.
namespace fluxmlx {

using Floats = std::vector<float>;

// SplitMix64, so that inputs depend on nothing of the platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  float unit() { return static_cast<float>(static_cast<int64_t>(bits() >> 40) - (1 << 23)) / (1 << 23); }

  Floats floats(int64_t n) {
    Floats values(static_cast<size_t>(n));
    for (float& value : values) value = unit();
    return values;
  }

 private:
  uint64_t state_;
};

// Bytes of a block that hold a half-precision scale.
inline std::vector<int> scale_offsets(TensorType type) {
  switch (type) {
    case TensorType::Q4_1:
    case TensorType::Q5_1:
    case TensorType::Q4_K:
    case TensorType::Q5_K:
      return {0, 2};
    case TensorType::Q2_K:
      return {80, 82};
    case TensorType::Q3_K:
      return {108};
    case TensorType::TQ1_0:
      return {52};
    case TensorType::TQ2_0:
      return {64};
    case TensorType::Q6_K:
      return {208};
    case TensorType::IQ1_M:
    case TensorType::MXFP4:
    case TensorType::NVFP4:
      return {};
    default:
      return {0};
  }
}

// A number that becomes a scale or a bias, of the given type.
inline void put_scale(TensorType type, Random& random, std::byte* to) {
  const float value = 0.02f * random.unit();
  uint32_t bits = f32_to_f16(value);
  if (type != TensorType::F16) std::memcpy(&bits, &value, sizeof bits);
  if (type == TensorType::BF16) bits >>= 16;
  std::memcpy(to, &bits, type == TensorType::F32 ? 4 : 2);
}

inline void set_mlx_scales(const MlxType& type, Random& random, std::byte* block) {
  if (type.mode == MlxMode::affine) {
    put_scale(type.scale, random, block);
    put_scale(type.scale, random, block + type.scale_bytes);
  }
  for (int i = 0; type.mode != MlxMode::affine && i < type.scale_bytes; ++i) {
    block[i] = static_cast<std::byte>(type.mode == MlxMode::nvfp4 ? random.bits() % 40 : 118 + random.bits() % 6);
  }
  for (int i = 0; type.mode == MlxMode::mxfp8 && i < type.code_bytes; ++i) {
    block[type.scale_bytes + i] &= std::byte{0xf7};  // all ones would be NaN
  }
}

// Any bytes, or all of them `fill`, with sane scales among them.
inline void set_block(const TensorTypeInfo& info, Random& random, int fill, std::byte* block) {
  for (uint32_t i = 0; i < info.block_bytes; ++i) {
    block[i] = static_cast<std::byte>(fill < 0 ? static_cast<int>(random.bits() >> 56) : fill);
  }
  if (const MlxType* mlx = find_mlx_type(info.type)) return set_mlx_scales(*mlx, random, block);
  if (info.type == TensorType::MXFP4) block[0] = static_cast<std::byte>(118 + random.bits() % 6);
  for (int i = 0; info.type == TensorType::NVFP4 && i < 4; ++i) block[i] = static_cast<std::byte>(random.bits() % 40);
  const uint16_t half = f32_to_f16(0.02f * random.unit());
  for (const int offset : scale_offsets(info.type)) std::memcpy(block + offset, &half, sizeof half);
  for (int i = 0; info.type == TensorType::IQ1_M && i < 4; ++i) {
    block[49 + 2 * i] = (block[49 + 2 * i] & std::byte{15}) | static_cast<std::byte>((half >> (4 * i) & 15) << 4);
  }
}

inline std::vector<std::byte> random_blocks(const TensorTypeInfo& info, int64_t n_weights, Random& random,
                                            int fill = -1) {
  const auto n_blocks = static_cast<size_t>(n_weights) / info.block_size;
  std::vector<std::byte> data(n_blocks * info.block_bytes);
  for (size_t i = 0; i < n_blocks; ++i) {
    std::byte* block = data.data() + i * info.block_bytes;
    if (info.type == TensorType::F32) {
      const float value = random.unit();
      std::memcpy(block, &value, sizeof value);
    } else if (info.type == TensorType::BF16) {
      const uint16_t value = f32_to_f16(random.unit()) & 0xbfffu;  // any finite pattern below 2
      std::memcpy(block, &value, sizeof value);
    } else {
      set_block(info, random, fill, block);
    }
  }
  return data;
}

}  // namespace fluxmlx
