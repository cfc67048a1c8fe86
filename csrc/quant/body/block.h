#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// The functions of quant/body/ are compiled once per instruction set, each time in a namespace of its own
// (FLUXMLX_ISA), so that the linker never picks one set's code for another. They call no shared inline function.
namespace fluxmlx::quant::FLUXMLX_ISA {

inline const uint8_t* bytes(const std::byte* data) noexcept { return reinterpret_cast<const uint8_t*>(data); }

inline uint16_t load_u16(const uint8_t* data) noexcept {
  uint16_t bits;
  std::memcpy(&bits, data, sizeof bits);
  return bits;
}

inline uint32_t load_u32(const uint8_t* data) noexcept {
  uint32_t bits;
  std::memcpy(&bits, data, sizeof bits);
  return bits;
}

inline float as_float(uint32_t bits) noexcept {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// binary16 -> binary32 without a branch: subnormals are counted in units of 2^-24, NaN payloads are kept.
inline float half_to_float(uint16_t half) noexcept {
  const uint32_t magnitude = half & 0x7fffu;
  const uint32_t normal = (magnitude << 13) + (magnitude >= 0x7c00u ? 0x70000000u : 0x38000000u);
  float tiny = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f;
  uint32_t subnormal;
  std::memcpy(&subnormal, &tiny, sizeof subnormal);
  return as_float((magnitude < 0x400u ? subnormal : normal) | (static_cast<uint32_t>(half & 0x8000u) << 16));
}

inline float load_half(const uint8_t* data) noexcept { return half_to_float(load_u16(data)); }

}  // namespace fluxmlx::quant::FLUXMLX_ISA
