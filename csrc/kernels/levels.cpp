#include "kernels/levels.h"

#include <cstdlib>
#include <cstring>

#include "base/half.h"
#include "quant/integers.h"

namespace fluxmlx::kernels {
namespace {

using quant::Integers;
using enum TensorType;

enum class Family { none, ternary, iq1, iq2, iq3_xxs, iq3_s };

Family family_of(TensorType type) noexcept {
  switch (type) {
    case TQ1_0:
    case TQ2_0:
      return Family::ternary;
    case IQ1_S:
    case IQ1_M:
      return Family::iq1;
    case IQ2_XXS:
    case IQ2_XS:
    case IQ2_S:
      return Family::iq2;
    case IQ3_XXS:
      return Family::iq3_xxs;
    case IQ3_S:
      return Family::iq3_s;
    default:
      return Family::none;
  }
}

// Scales are odd: half of each is a nibble. `step` of them for each group belong together; group 4 u + i has byte
// 2 u + i % 2, its low nibble for i below 2.
void spread_scales(const uint8_t* scales, int n_groups, int step, uint8_t* fields) {
  std::memset(fields, 0, static_cast<size_t>(n_groups / 2));
  for (int g = 0; g < n_groups; ++g) {
    fields[g / 4 * 2 + g % 2] |= static_cast<uint8_t>(scales[g * step] / 2 << (g % 4 / 2 * 4));
  }
}

void read_scales(const uint8_t* fields, int n_groups, int step, uint8_t* scales) {
  for (int i = 0; i < 16; ++i) {
    const int g = i / step % n_groups;
    scales[i] = static_cast<uint8_t>(2 * (fields[g / 4 * 2 + g % 2] >> (g % 4 / 2 * 4) & 15) + 1);
  }
}

// 32 bytes hold two bits of each weight of four parts of 32.
template <class Level>
void put_crumbs(const int8_t* values, uint8_t* crumbs, const Level& level) {
  for (int half = 0; half < 2; ++half, values += 128, crumbs += 32) {
    for (int i = 0; i < 32; ++i) {
      crumbs[i] = static_cast<uint8_t>(level(values[i]) | level(values[32 + i]) << 2 | level(values[64 + i]) << 4 |
                                       level(values[96 + i]) << 6);
    }
  }
}

// Bit p of byte i is the sign of weight i of part p.
void put_signs(const int8_t* values, uint8_t* signs) {
  for (int i = 0; i < 32; ++i) {
    int bits = 0;
    for (int part = 0; part < 8; ++part) bits |= (values[32 * part + i] < 0) << part;
    signs[i] = static_cast<uint8_t>(bits);
  }
}

// Bit j: whether the numbers of the eight weights from 8 j on are 8 t - 1, not 8 t + 1.
void put_shifts(const int8_t* values, uint8_t* shifts) {
  std::memset(shifts, 0, 4);
  for (int j = 0; j < 32; ++j) shifts[j / 8] |= static_cast<uint8_t>(((values[8 * j] + 9) % 8 == 0) << (j % 8));
}

// 16 bytes for each 32 weights: the low nibbles are the first 16.
void put_nibbles(const int8_t* values, int shift, uint8_t* nibbles) {
  const auto level = [shift](int value) { return std::abs(value) >> shift | (value < 0) << 3; };
  for (int group = 0; group < 8; ++group, values += 32, nibbles += 16) {
    for (int i = 0; i < 16; ++i) nibbles[i] = static_cast<uint8_t>(level(values[i]) | level(values[16 + i]) << 4);
  }
}

int crumb_at(const uint8_t* crumbs, int i) { return crumbs[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3; }

int nibble_at(const uint8_t* nibbles, int i) { return nibbles[i / 32 * 16 + i % 16] >> (i / 16 % 2 * 4) & 15; }

template <class Value>
void read_values(int8_t* values, const Value& value) {
  for (int i = 0; i < 256; ++i) values[i] = static_cast<int8_t>(value(i));
}

Integers integers_of(Family family, const uint8_t* fields) {
  Integers block;
  std::memcpy(&block.d, fields, sizeof block.d);
  block.unit = family == Family::iq1 || family == Family::iq2 ? 0.125f : family == Family::iq3_xxs ? 0.25f : 1.0f;
  std::memset(block.scales, 1, sizeof block.scales);
  if (family == Family::ternary) {
    read_values(block.values, [=](int i) { return crumb_at(fields + 2, i) - 1; });
  } else if (family == Family::iq1) {
    read_scales(fields + 2, 16, 1, block.scales);
    const auto shift = [=](int i) { return fields[10 + i / 64] >> (i / 8 % 8) & 1; };
    read_values(block.values, [=](int i) { return kIq1Values[crumb_at(fields + 14, i) | shift(i) << 2] - 16; });
  } else if (family == Family::iq2) {
    read_scales(fields + 2, 16, 1, block.scales);
    const auto sign = [=](int i) { return fields[10 + i % 32] >> (i / 32) & 1; };
    read_values(block.values, [=](int i) { return kIq2Values[crumb_at(fields + 42, i) | sign(i) << 2] - 64; });
  } else {
    read_scales(fields + 2, 8, 2, block.scales);
    const bool wide = family == Family::iq3_xxs;
    const uint8_t* table = wide ? kIq3XxsValues : kIq3SValues;
    read_values(block.values, [=](int i) { return table[nibble_at(fields + 6, i)] - (wide ? 64 : 16); });
  }
  return block;
}

}  // namespace

bool has_levels(TensorType type) noexcept { return family_of(type) != Family::none; }

void spread_levels(TensorType type, const uint8_t* bytes, uint8_t* fields) {
  Integers block;
  quant::find_integers(type)(bytes, block);
  std::memcpy(fields, &block.d, sizeof block.d);
  switch (family_of(type)) {
    case Family::ternary:
      put_crumbs(block.values, fields + 2, [](int value) { return value + 1; });
      break;
    case Family::iq1:
      spread_scales(block.scales, 16, 1, fields + 2);
      put_shifts(block.values, fields + 10);
      put_crumbs(block.values, fields + 14, [](int value) { return (value + 9) >> 3; });
      break;
    case Family::iq2:
      spread_scales(block.scales, 16, 1, fields + 2);
      put_signs(block.values, fields + 10);
      put_crumbs(block.values, fields + 42, [](int value) { return std::abs(value) >> 4; });
      break;
    default:
      spread_scales(block.scales, 8, 2, fields + 2);
      put_nibbles(block.values, type == IQ3_XXS ? 3 : 1, fields + 6);
  }
}

void read_levels(TensorType type, const uint8_t* fields, float* weights) {
  const Integers block = integers_of(family_of(type), fields);
  const float d = f16_to_f32(block.d) * block.unit;
  for (int i = 0; i < 256; ++i) {
    weights[i] = d * static_cast<float>(block.scales[i / 16]) * static_cast<float>(block.values[i]);
  }
}

}  // namespace fluxmlx::kernels
