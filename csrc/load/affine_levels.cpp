#include "load/affine_levels.h"

#include "base/half.h"
#include "quant/integers.h"

namespace fluxmlx::load {
namespace {

// A weight's number is first + step * code.
struct Codes {
  int first, step;
};

// The two sets of numbers of IQ1, -9 -1 7 and -7 1 9, differ in their remainders.
Codes codes_of(TensorType type, int number) {
  switch (type) {
    case TensorType::TQ1_0:
    case TensorType::TQ2_0:
      return {-1, 1};
    case TensorType::IQ1_S:
      return {(number + 9) % 8 == 0 ? -9 : -7, 8};
    case TensorType::IQ3_S:
      return {-15, 2};
    default:
      return {-64, 1};
  }
}

}  // namespace

int affine_level_bits(TensorType type) noexcept {
  switch (type) {
    case TensorType::TQ1_0:
    case TensorType::TQ2_0:
    case TensorType::IQ1_S:
      return 2;
    case TensorType::IQ3_S:
      return 4;
    case TensorType::IQ2_XXS:
    case TensorType::IQ3_XXS:
      return 8;
    default:
      return 0;
  }
}

void levels_to_affine(TensorType type, const std::byte* row, int64_t n, uint8_t* codes, float* scales, float* biases) {
  const quant::IntegersFn read = quant::find_integers(type);
  const auto* bytes = reinterpret_cast<const uint8_t*>(row);
  quant::Integers block;
  for (int64_t b = 0; b < n / 256; ++b, bytes += tensor_type_info(type).block_bytes) {
    read(bytes, block);
    const float d = f16_to_f32(block.d) * block.unit;
    for (int group = 0; group < 8; ++group, codes += 32) {
      const int8_t* numbers = block.values + 32 * group;
      const Codes plan = codes_of(type, numbers[0]);
      const float scale = d * static_cast<float>(block.scales[2 * group]);
      *scales++ = scale * static_cast<float>(plan.step);
      *biases++ = scale * static_cast<float>(plan.first);
      for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>((numbers[i] - plan.first) / plan.step);
    }
  }
}

}  // namespace fluxmlx::load
