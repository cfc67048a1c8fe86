#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/tensor_type.h"

// Types of weights that MLX quantised. A block holds what MLX's checkpoints keep apart, for one group of weights (four
// of nvfp4): scales, biases of the affine types, then codes in MLX's order, one stream of bits with the lowest first.
// Their ids are none of GGUF's, and find_tensor_type() does not know them: no file can name one.
namespace fluxmlx {

enum class MlxMode { affine, mxfp4, mxfp8, nvfp4 };

struct MlxType {
  MlxMode mode = MlxMode::affine;
  int bits = 0;
  int group_size = 0;                   // weights that share a scale
  TensorType scale = TensorType::BF16;  // affine: the type of scales and biases; else they are bytes of their own kind
  int scale_bytes = 0, bias_bytes = 0, code_bytes = 0;  // of a block
};

inline constexpr uint32_t kFirstMlxType = 0x4d4c5800;  // affine types first: by bits, then groups, then scales
inline constexpr std::array kAffineBits = {2, 3, 4, 5, 6, 8};
inline constexpr std::array kAffineGroups = {32, 64, 128};
inline constexpr std::array kAffineScales = {TensorType::F16, TensorType::BF16, TensorType::F32};
inline constexpr uint32_t kAffineTypes =
    static_cast<uint32_t>(kAffineBits.size() * kAffineGroups.size() * kAffineScales.size());
inline constexpr uint32_t kMlxTypes = kAffineTypes + 3;  // and mxfp4, mxfp8, nvfp4

constexpr TensorType mlx_type_at(uint32_t index) { return static_cast<TensorType>(kFirstMlxType + index); }

// nullptr for a type of GGUF.
const MlxType* find_mlx_type(TensorType type) noexcept;

// Named as "affine 4 bit g64 BF16", "mxfp4", "mxfp8", "nvfp4".
std::span<const TensorTypeInfo> mlx_types() noexcept;

}  // namespace fluxmlx
