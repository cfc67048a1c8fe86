// Blocks of MLX's types in the order of the packed kernels. Codes of 2 and 3 bits become nibbles, those of 5 and 6
// bytes: the kernels know two widths.
#include <array>
#include <cstring>

#include "kernels/packed.h"
#include "kernels/spread.h"

namespace fluxmlx::kernels {
namespace {

constexpr int packed_bits(const MlxType& type) { return type.bits <= 4 ? 4 : 8; }

int n_codes(const MlxType& type) { return type.code_bytes * 8 / type.bits; }

// code(i) of a stream of bits with the lowest first.
template <int kBits>
uint8_t stream_code(const uint8_t* codes, int i) {
  const int bit = i * kBits, shift = bit % 8;
  const int next = shift + kBits > 8 ? codes[bit / 8 + 1] << 8 : 0;
  return static_cast<uint8_t>(((codes[bit / 8] | next) >> shift) & ((1 << kBits) - 1));
}

void add_code(uint8_t* codes, int i, int bits, int code) {
  const int bit = i * bits, shift = bit % 8;
  codes[bit / 8] |= static_cast<uint8_t>(code << shift);
  if (shift + bits > 8) codes[bit / 8 + 1] |= static_cast<uint8_t>(code >> (8 - shift));
}

// n codes to bytes, or to nibbles of runs of kRun columns, whose first half has the low ones.
template <int kBits>
void spread_bytes(const uint8_t* from, int n, uint8_t* to) {
  for (int i = 0; i < n; ++i) to[i] = stream_code<kBits>(from, i);
}
template <int kBits, int kRun = 32>
void spread_nibbles(const uint8_t* from, int n, uint8_t* to) {
  constexpr int half = kRun / 2;
  for (; n > 0; n -= kRun, from += kRun * kBits / 8, to += half) {
    for (int i = 0; i < half; ++i) {
      const int low = stream_code<kBits>(from, i), high = stream_code<kBits>(from, half + i);
      to[i] = static_cast<uint8_t>(low | (high << 4));
    }
  }
}

using Spread = void (*)(const uint8_t* from, int n, uint8_t* to);

Spread find_spread(const MlxType& type) {
  if (type.mode == MlxMode::nvfp4) return spread_nibbles<4, 16>;
  switch (type.bits) {
    case 2:
      return spread_nibbles<2>;
    case 3:
      return spread_nibbles<3>;
    case 4:
      return spread_nibbles<4>;
    case 5:
      return spread_bytes<5>;
    case 6:
      return spread_bytes<6>;
    default:
      return spread_bytes<8>;
  }
}

// The byte of column i among nibbles in such runs, and how far up its nibble is.
struct Place {
  int byte, shift;
};
Place nibble_place(int i, int run) {
  const int half = run / 2, within = i % run;
  return {i / run * half + within % half, within / half * 4};
}

constexpr PackedLayout layout_of(uint32_t index, const MlxType& type) {
  const int n_columns = type.code_bytes * 8 / type.bits;
  const PackedField codes = {n_columns * packed_bits(type) / 8, 4};
  if (type.mode != MlxMode::affine) return {mlx_type_at(index), 2, {{type.scale_bytes, 1}, codes}};
  return {mlx_type_at(index), 3, {{type.scale_bytes, type.scale_bytes}, {type.bias_bytes, type.bias_bytes}, codes}};
}

std::array<PackedLayout, kMlxTypes> make_layouts() {
  std::array<PackedLayout, kMlxTypes> layouts = {};
  for (uint32_t i = 0; i < kMlxTypes; ++i) layouts[i] = layout_of(i, *find_mlx_type(mlx_type_at(i)));
  return layouts;
}

}  // namespace

const PackedLayout* find_mlx_layout(TensorType type) noexcept {
  static const std::array<PackedLayout, kMlxTypes> layouts = make_layouts();
  const MlxType* mlx = find_mlx_type(type);
  if (mlx == nullptr || mlx->mode == MlxMode::mxfp8) return nullptr;
  return &layouts[static_cast<uint32_t>(type) - kFirstMlxType];
}

void spread_mlx(const MlxType& type, const uint8_t* block, uint8_t* fields) {
  const int n_numbers = type.scale_bytes + type.bias_bytes;
  std::memcpy(fields, block, static_cast<size_t>(n_numbers));
  find_spread(type)(block + n_numbers, n_codes(type), fields + n_numbers);
}

void gather_mlx(const MlxType& type, const uint8_t* fields, uint8_t* block) {
  const int n_numbers = type.scale_bytes + type.bias_bytes, n = n_codes(type);
  const int run = type.mode == MlxMode::nvfp4 ? 16 : 32;
  std::memcpy(block, fields, static_cast<size_t>(n_numbers));
  const uint8_t* from = fields + n_numbers;
  uint8_t* to = block + n_numbers;
  std::memset(to, 0, static_cast<size_t>(type.code_bytes));
  for (int i = 0; i < n; ++i) {
    const Place place = nibble_place(i, run);
    const int code = packed_bits(type) == 8 ? from[i] : (from[place.byte] >> place.shift) & 15;
    add_code(to, i, type.bits, code);
  }
}

}  // namespace fluxmlx::kernels
