#include "base/tensor_type.h"

#include <algorithm>
#include <array>

#include "base/mlx_type.h"

namespace fluxmlx {
namespace {

using enum TensorType;

// clang-format off
constexpr std::array kTypes = {
    TensorTypeInfo{F32, "F32", 1, 4},          TensorTypeInfo{F16, "F16", 1, 2},
    TensorTypeInfo{Q4_0, "Q4_0", 32, 18},      TensorTypeInfo{Q4_1, "Q4_1", 32, 20},
    TensorTypeInfo{Q5_0, "Q5_0", 32, 22},      TensorTypeInfo{Q5_1, "Q5_1", 32, 24},
    TensorTypeInfo{Q8_0, "Q8_0", 32, 34},      TensorTypeInfo{Q8_1, "Q8_1", 32, 36},
    TensorTypeInfo{Q2_K, "Q2_K", 256, 84},     TensorTypeInfo{Q3_K, "Q3_K", 256, 110},
    TensorTypeInfo{Q4_K, "Q4_K", 256, 144},    TensorTypeInfo{Q5_K, "Q5_K", 256, 176},
    TensorTypeInfo{Q6_K, "Q6_K", 256, 210},    TensorTypeInfo{Q8_K, "Q8_K", 256, 292},
    TensorTypeInfo{IQ2_XXS, "IQ2_XXS", 256, 66}, TensorTypeInfo{IQ2_XS, "IQ2_XS", 256, 74},
    TensorTypeInfo{IQ3_XXS, "IQ3_XXS", 256, 98}, TensorTypeInfo{IQ1_S, "IQ1_S", 256, 50},
    TensorTypeInfo{IQ4_NL, "IQ4_NL", 32, 18},  TensorTypeInfo{IQ3_S, "IQ3_S", 256, 110},
    TensorTypeInfo{IQ2_S, "IQ2_S", 256, 82},   TensorTypeInfo{IQ4_XS, "IQ4_XS", 256, 136},
    TensorTypeInfo{I8, "I8", 1, 1},            TensorTypeInfo{I16, "I16", 1, 2},
    TensorTypeInfo{I32, "I32", 1, 4},          TensorTypeInfo{I64, "I64", 1, 8},
    TensorTypeInfo{F64, "F64", 1, 8},          TensorTypeInfo{IQ1_M, "IQ1_M", 256, 56},
    TensorTypeInfo{BF16, "BF16", 1, 2},        TensorTypeInfo{TQ1_0, "TQ1_0", 256, 54},
    TensorTypeInfo{TQ2_0, "TQ2_0", 256, 66},   TensorTypeInfo{MXFP4, "MXFP4", 32, 17},
    TensorTypeInfo{NVFP4, "NVFP4", 64, 36},    TensorTypeInfo{Q1_0, "Q1_0", 128, 18},
};
// clang-format on

}  // namespace

const TensorTypeInfo* find_tensor_type(uint32_t id) noexcept {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [id](const TensorTypeInfo& row) { return static_cast<uint32_t>(row.type) == id; });
  return found == kTypes.end() ? nullptr : &*found;
}

const TensorTypeInfo& tensor_type_info(TensorType type) noexcept {
  const uint32_t mlx = static_cast<uint32_t>(type) - kFirstMlxType;
  return mlx < kMlxTypes ? mlx_types()[mlx] : *find_tensor_type(static_cast<uint32_t>(type));
}

std::span<const TensorTypeInfo> tensor_types() noexcept { return kTypes; }

}  // namespace fluxmlx
