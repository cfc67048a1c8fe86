#include <bit>
#include <cstring>

#include "base/half.h"
#include "quant/encode/formats.h"

namespace fluxmlx::quant {
namespace {

// To nearest, ties to even; the value is finite.
uint16_t to_bf16(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace

void encode_f32(const float* values, int64_t n, std::byte* blocks) noexcept {
  std::memcpy(blocks, values, static_cast<size_t>(n) * sizeof(float));
}

void encode_f16(const float* values, int64_t n, std::byte* blocks) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t bits = f32_to_f16(values[i]);
    std::memcpy(blocks + 2 * i, &bits, sizeof bits);
  }
}

void encode_bf16(const float* values, int64_t n, std::byte* blocks) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t bits = to_bf16(values[i]);
    std::memcpy(blocks + 2 * i, &bits, sizeof bits);
  }
}

}  // namespace fluxmlx::quant
