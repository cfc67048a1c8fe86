#pragma once

#include "kernels/body/quantize.h"
#include "kernels/cache_layout.h"

// What each cache type keeps, a policy for each: Rows<G> are rows of 16 cells of G groups as attention multiplies them,
// and encode() makes cells of up to kScaleCells numbers, a multiple of eight.
namespace fluxmlx::kernels::FLUXMLX_ISA {

template <class T>
inline T* cells_at(std::byte* p) {
  return reinterpret_cast<T*>(p);
}
template <class T>
inline const T* cells_at(const std::byte* p) {
  return reinterpret_cast<const T*>(p);
}

struct HalfCells {
  using Cell = uint16_t;
  static constexpr bool kHasScales = false;
  static F16 load(const Cell* p) { return load_half_16(p); }
  static void encode(const float* x, int n, Cell* cells, uint16_t*) {
    for (int i = 0; i < n; i += 8) store_half(cells + i, FLUXMLX_ISA::load(x + i));
  }
};

struct FloatCells {
  using Cell = float;
  static constexpr bool kHasScales = false;
  static F16 load(const Cell* p) { return load_16(p); }
  static void encode(const float* x, int n, Cell* cells, uint16_t*) {
    for (int i = 0; i < n; i += 8) store(cells + i, FLUXMLX_ISA::load(x + i));
  }
};

// A number is code * scale, which is exact in float. The scale is that of the largest number, rounded to float16 before
// the codes are chosen. Numbers that are not finite, or have no finite scale, make a block of NaN.
struct ByteCells {
  using Cell = int8_t;
  static constexpr bool kHasScales = true;
  static F16 load(const Cell* p) { return load_codes_16(p); }
  static void encode(const float* x, int n, Cell* cells, uint16_t* scale) {
    F8 part[4];
    for (int i = 0; i < 4; ++i) part[i] = 8 * i < n ? FLUXMLX_ISA::load(x + 8 * i) : broadcast(0);
    const int largest_bits = reduce_max(largest_of_32(part));
    float largest = __builtin_nanf("");
    if (largest_bits < 0x7f800000) __builtin_memcpy(&largest, &largest_bits, sizeof largest);
    uint16_t scales[8];
    store_half(scales, broadcast(largest / 127));
    *scale = scales[0];
    __builtin_memset(cells, 0, kScaleCells);
    if (*scale == 0 || *scale >= 0x7c00) return;
    const F8 inverse = div(broadcast(1), load_half(scales));
    I8 codes[4];
    for (int i = 0; i < 4; ++i) {
      codes[i] = round_to_int(min(broadcast(127), max(broadcast(-127), mul(part[i], inverse))));
    }
    store_low_bytes(cells, codes[0], codes[1], codes[2], codes[3]);
  }
};

// Rows of G groups of cells that are `stride` bytes apart.
template <class Cells, int G>
struct PlainRows {
  using Cell = typename Cells::Cell;
  const std::byte* cells;
  int64_t stride;

  const std::byte* address(int g, int64_t i) const {
    return cells + g * stride + i * kRowCells * int64_t{sizeof(Cell)};
  }
  F16 operator()(int g, int64_t i) const { return Cells::load(cells_at<Cell>(address(g, i))); }
};

// Each row of keys is one dimension of 16 positions, of which each has its scale.
template <class Cells, int G>
struct KeyRows : PlainRows<Cells, G> {
  KeyRows(const CacheLayout& layout, const std::byte* group, int64_t dim)
      : PlainRows<Cells, G>{group + layout.key_scales + dim * kRowCells * layout.cell, layout.key_group} {}
};

template <int G>
struct KeyRows<ByteCells, G> : PlainRows<ByteCells, G> {
  KeyRows(const CacheLayout& layout, const std::byte* group, int64_t dim)
      : PlainRows<ByteCells, G>{group + layout.key_scales + dim * kRowCells, layout.key_group} {
    const std::byte* scales = group + dim / kScaleCells * kRowCells * 2;
    for (int g = 0; g < G; ++g) scale[g] = load_half_16(cells_at<uint16_t>(scales + g * layout.key_group));
  }
  F16 operator()(int g, int64_t i) const { return mul(PlainRows<ByteCells, G>::operator()(g, i), scale[g]); }

  F16 scale[G];
};

// Each row of values is 16 dimensions of one position, which share a scale.
template <class Cells, int G>
struct ValueRows : PlainRows<Cells, G> {
  ValueRows(const CacheLayout& layout, const std::byte* values, int64_t group)
      : PlainRows<Cells, G>{values + group * kBlockPositions * kRowCells * layout.cell,
                            kBlockPositions * kRowCells * layout.cell} {}
};

template <int G>
struct ValueRows<ByteCells, G> : PlainRows<ByteCells, G> {
  static constexpr int kGroups = kScaleCells / kRowCells;

  ValueRows(const CacheLayout& layout, const std::byte* values, int64_t group)
      : PlainRows<ByteCells, G>{values + layout.value_scales + group * kBlockPositions * kRowCells,
                                kBlockPositions * kRowCells} {
    for (int b = 0; b < kBlocks; ++b) {
      const auto* scales = cells_at<uint16_t>(values) + (group / kGroups + b) * kBlockPositions;
      for (int j = 0; j < kBlockPositions; j += kRowCells) store(scale[b] + j, load_half_16(scales + j));
    }
  }
  F16 operator()(int g, int64_t i) const {
    return mul(PlainRows<ByteCells, G>::operator()(g, i), broadcast_as<F16>(scale[g / kGroups][i]));
  }

  static constexpr int kBlocks = (G + kGroups - 1) / kGroups;
  float scale[kBlocks][kBlockPositions];
};

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
