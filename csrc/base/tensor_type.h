#pragma once

#include <cstdint>
#include <span>

namespace fluxmlx {

// Element types of GGUF tensors, with the ids that the file format gives them.
// clang-format off
enum class TensorType : uint32_t {
  F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q5_0 = 6, Q5_1 = 7, Q8_0 = 8, Q8_1 = 9,
  Q2_K = 10, Q3_K = 11, Q4_K = 12, Q5_K = 13, Q6_K = 14, Q8_K = 15,
  IQ2_XXS = 16, IQ2_XS = 17, IQ3_XXS = 18, IQ1_S = 19, IQ4_NL = 20, IQ3_S = 21, IQ2_S = 22, IQ4_XS = 23,
  I8 = 24, I16 = 25, I32 = 26, I64 = 27, F64 = 28, IQ1_M = 29, BF16 = 30,
  TQ1_0 = 34, TQ2_0 = 35, MXFP4 = 39, NVFP4 = 40, Q1_0 = 41,
};
// clang-format on

struct TensorTypeInfo {
  TensorType type;
  const char* name;
  uint32_t block_size;   // weights in one block
  uint32_t block_bytes;  // bytes of one block
};

// The row for a type id read from a file, or nullptr for an id that is unknown or was removed.
const TensorTypeInfo* find_tensor_type(uint32_t id) noexcept;

// The row of a type that is known to exist, of GGUF's or of base/mlx_type.h.
const TensorTypeInfo& tensor_type_info(TensorType type) noexcept;

// GGUF's.
std::span<const TensorTypeInfo> tensor_types() noexcept;

}  // namespace fluxmlx
