// Packed strips from rows of GGUF blocks, and back. Both steps lose nothing.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "kernels/kernels.h"
#include "kernels/packed.h"

namespace fluxmlx::kernels {
namespace {

using enum TensorType;

// Halves (2) for scales and for pairs of small ones, double words (4) for codes: four columns that meet one broadcast.
constexpr PackedLayout kLayouts[] = {
    {Q4_0, 2, {{2, 2}, {16, 4}}},
    {Q4_1, 3, {{2, 2}, {2, 2}, {16, 4}}},
    {Q8_0, 2, {{2, 2}, {32, 4}}},
    {Q4_K, 5, {{2, 2}, {2, 2}, {8, 2}, {8, 2}, {128, 4}}},
    {Q5_K, 6, {{2, 2}, {2, 2}, {8, 2}, {8, 2}, {32, 4}, {128, 4}}},
    {Q6_K, 4, {{2, 2}, {16, 2}, {128, 4}, {64, 4}}},
};

constexpr int kMostBlockBytes = 320;

// The 6-bit scales and mins of Q4_K and Q5_K as 8 bytes each, from 12.
void spread_scales(const std::byte* packed, std::byte* scales, std::byte* mins) {
  constexpr std::byte six{63}, four{15}, high{48};
  for (int i = 0; i < 4; ++i) {
    scales[i] = packed[i] & six;
    mins[i] = packed[4 + i] & six;
    scales[4 + i] = (packed[8 + i] & four) | ((packed[i] >> 2) & high);
    mins[4 + i] = (packed[8 + i] >> 4) | ((packed[4 + i] >> 2) & high);
  }
}

void gather_scales(const std::byte* scales, const std::byte* mins, std::byte* packed) {
  constexpr std::byte four{15};
  for (int i = 0; i < 4; ++i) {
    packed[i] = scales[i] | ((scales[4 + i] >> 4) << 6);
    packed[4 + i] = mins[i] | ((mins[4 + i] >> 4) << 6);
    packed[8 + i] = (scales[4 + i] & four) | (mins[4 + i] << 4);
  }
}

// The block's fields in the order of the layout, one row.
void spread(TensorType type, const std::byte* block, std::byte* row) {
  const uint32_t n = tensor_type_info(type).block_bytes;
  if (type == Q4_K || type == Q5_K) {
    std::memcpy(row, block, 4);
    spread_scales(block + 4, row + 4, row + 12);
    std::memcpy(row + 20, block + 16, n - 16);
  } else if (type == Q6_K) {
    std::memcpy(row, block + 208, 2);
    std::memcpy(row + 2, block + 192, 16);
    std::memcpy(row + 18, block, 192);
  } else {
    std::memcpy(row, block, n);
  }
  if (type == Q8_0) {
    for (uint32_t i = 2; i < n; ++i) row[i] ^= std::byte{0x80};  // signed to offset binary
  }
}

// The inverse.
void gather(TensorType type, const std::byte* row, std::byte* block) {
  const uint32_t n = tensor_type_info(type).block_bytes;
  if (type == Q4_K || type == Q5_K) {
    std::memcpy(block, row, 4);
    gather_scales(row + 4, row + 12, block + 4);
    std::memcpy(block + 16, row + 20, n - 16);
  } else if (type == Q6_K) {
    std::memcpy(block + 208, row, 2);
    std::memcpy(block + 192, row + 2, 16);
    std::memcpy(block, row + 18, 192);
  } else {
    spread(type, row, block);
  }
}

// unit(bytes of the row, byte in the strip's block, size) for all units of row r.
template <class Unit>
void for_each_unit(const PackedLayout& layout, int r, const Unit& unit) {
  int64_t from = 0, field_begin = 0;
  for (int f = 0; f < layout.n_fields; ++f) {
    const PackedField field = layout.fields[f];
    for (int u = 0; u < field.n_bytes / field.unit; ++u, from += field.unit) {
      unit(from, field_begin + (int64_t{u} * kStripRows + r) * field.unit, field.unit);
    }
    field_begin += int64_t{field.n_bytes} * kStripRows;
  }
}

template <size_t N>
void copy(std::byte* to, const std::byte* from) {
  std::memcpy(to, from, N);
}

void copy_unit(std::byte* to, const std::byte* from, int size) {
  size == 4 ? copy<4>(to, from) : size == 2 ? copy<2>(to, from) : copy<1>(to, from);
}

const PackedLayout& layout_of(TensorType type) {
  const PackedLayout* layout = find_packed_layout(type);
  if (layout == nullptr) fail(ErrorCode::unsupported, "no packed form of type ", tensor_type_info(type).name);
  return *layout;
}

int64_t strip_bytes(const PackedLayout& layout, int64_t n_cols) {
  return n_cols / tensor_type_info(layout.type).block_size * layout.block_bytes();
}

}  // namespace

const PackedLayout* find_packed_layout(TensorType type) noexcept {
  const auto* found = std::find_if(std::begin(kLayouts), std::end(kLayouts),
                                   [type](const PackedLayout& layout) { return layout.type == type; });
  return found == std::end(kLayouts) ? nullptr : found;
}

bool has_packed(TensorType type) noexcept { return find_packed_layout(type) != nullptr; }

int64_t packed_bytes(TensorType type, int64_t n_rows, int64_t n_cols) {
  return (n_rows + kStripRows - 1) / kStripRows * strip_bytes(layout_of(type), n_cols);
}

void pack(TensorType type, const std::byte* rows, int64_t n_rows, int64_t n_cols, std::byte* packed) {
  const PackedLayout& layout = layout_of(type);
  const TensorTypeInfo& info = tensor_type_info(type);
  const int64_t n_blocks = n_cols / info.block_size, row_bytes = n_blocks * info.block_bytes;
  std::byte row[kMostBlockBytes];
  for (int64_t first = 0; first < n_rows; first += kStripRows) {
    const int n = static_cast<int>(std::min<int64_t>(kStripRows, n_rows - first));
    if (n < kStripRows) std::memset(packed, 0, static_cast<size_t>(n_blocks * layout.block_bytes()));
    for (int64_t block = 0; block < n_blocks; ++block, packed += layout.block_bytes()) {
      for (int r = 0; r < n; ++r) {
        spread(type, rows + (first + r) * row_bytes + block * info.block_bytes, row);
        for_each_unit(layout, r, [&](int64_t from, int64_t to, int size) { copy_unit(packed + to, row + from, size); });
      }
    }
  }
}

void unpack_row(const Matrix& w, int64_t row, std::byte* blocks) {
  const PackedLayout& layout = layout_of(w.type);
  const TensorTypeInfo& info = tensor_type_info(w.type);
  const std::byte* strip = w.data + row / kStripRows * strip_bytes(layout, w.n_cols);
  std::byte fields[kMostBlockBytes];
  for (int64_t block = 0; block < w.n_cols / info.block_size; ++block, strip += layout.block_bytes()) {
    for_each_unit(layout, static_cast<int>(row % kStripRows),
                  [&](int64_t to, int64_t from, int size) { copy_unit(fields + to, strip + from, size); });
    gather(w.type, fields, blocks + block * info.block_bytes);
  }
}

}  // namespace fluxmlx::kernels
