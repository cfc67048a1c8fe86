#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/encode/fit.h"

// Super-blocks of 256 weights: float16 scales for all, and whole numbers for each group of 16 or 32.
namespace fluxmlx::quant {

inline constexpr int kSuperBlock = 256;
inline constexpr int kMostGroups = 16;

// What a format asks for.
struct SuperFormat {
  int n_groups;
  Codes codes;
  Codes scales;     // of a group's own scale
  bool has_offset;  // then scales begin at 0, and offsets have the same range
};

// Of one super-block: w = (scale * scales[g]) * q - offset * offsets[g].
struct SuperBlock {
  Half scale, offset;
  float scales[kMostGroups] = {};
  float offsets[kMostGroups] = {};
  float error = 0;

  Line line(int group) const noexcept { return {scale.value * scales[group], offset.value * offsets[group]}; }
};

SuperBlock fit_super_block(const float* x, const SuperFormat& format) noexcept;

// The codes of all 256 weights, from 0.
void write_codes(const float* x, const SuperBlock& block, const SuperFormat& format, uint8_t* q) noexcept;

// Puts a block's numbers and codes at the place where its bytes belong.
using WriteBlock = void (*)(const SuperBlock& block, const uint8_t* q, uint8_t* out) noexcept;

void encode_super_blocks(const float* values, int64_t n, const SuperFormat& format, int block_bytes, std::byte* out,
                         WriteBlock write) noexcept;

}  // namespace fluxmlx::quant
