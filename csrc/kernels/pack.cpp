// Packed strips from rows of GGUF blocks, and back. Both steps lose nothing.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "kernels/kernels.h"
#include "kernels/levels.h"
#include "kernels/packed.h"
#include "kernels/spread.h"

namespace fluxmlx::kernels {
namespace {

using enum TensorType;

// Halves (2) for scales and for pairs of small ones, double words (4) for two words of 6-bit ones and for codes: four
// columns that meet one broadcast.
constexpr PackedLayout kLayouts[] = {
    {Q4_0, 2, {{2, 2}, {16, 4}}},
    {Q4_1, 3, {{2, 2}, {2, 2}, {16, 4}}},
    {Q5_0, 3, {{2, 2}, {4, 4}, {16, 4}}},
    {Q5_1, 4, {{2, 2}, {2, 2}, {4, 4}, {16, 4}}},
    {Q8_0, 2, {{2, 2}, {32, 4}}},
    {IQ4_NL, 2, {{2, 2}, {16, 4}}},
    {MXFP4, 2, {{1, 1}, {16, 4}}},
    {NVFP4, 2, {{4, 1}, {32, 4}}},
    {Q2_K, 4, {{2, 2}, {2, 2}, {16, 2}, {64, 4}}},
    {Q3_K, 4, {{2, 2}, {16, 2}, {32, 4}, {64, 4}}},
    {IQ4_XS, 3, {{2, 2}, {8, 2}, {128, 4}}},
    {Q4_K, 4, {{2, 2}, {2, 2}, {12, 4}, {128, 4}}},
    {Q5_K, 5, {{2, 2}, {2, 2}, {12, 4}, {32, 4}, {128, 4}}},
    {Q6_K, 3, {{2, 2}, {16, 2}, {192, 4}}},
    {IQ1_S, 4, {{2, 2}, {8, 2}, {4, 4}, {64, 4}}},
    {IQ1_M, 4, {{2, 2}, {8, 2}, {4, 4}, {64, 4}}},
    {IQ2_XXS, 4, {{2, 2}, {8, 2}, {32, 4}, {64, 4}}},
    {IQ2_XS, 4, {{2, 2}, {8, 2}, {32, 4}, {64, 4}}},
    {IQ2_S, 4, {{2, 2}, {8, 2}, {32, 4}, {64, 4}}},
    {IQ3_XXS, 3, {{2, 2}, {4, 2}, {128, 4}}},
    {IQ3_S, 3, {{2, 2}, {4, 2}, {128, 4}}},
    {TQ1_0, 2, {{2, 2}, {64, 4}}},
    {TQ2_0, 2, {{2, 2}, {64, 4}}},
};

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

using RowFields = std::array<uint8_t, kMostSpreadBytes>;

template <size_t N>
std::byte* interleave_units(const RowFields* fields, int64_t begin, int n_units, std::byte* into) {
  for (int u = 0; u < n_units; ++u) {
    for (int r = 0; r < kStripRows; ++r, into += N) std::memcpy(into, &fields[r][begin + u * N], N);
  }
  return into;
}

// One block of a strip from the fields of its rows.
void interleave(const PackedLayout& layout, const RowFields* fields, std::byte* into) {
  int64_t begin = 0;
  for (int f = 0; f < layout.n_fields; ++f) {
    const PackedField field = layout.fields[f];
    const int n_units = field.n_bytes / field.unit;
    into = field.unit == 4   ? interleave_units<4>(fields, begin, n_units, into)
           : field.unit == 2 ? interleave_units<2>(fields, begin, n_units, into)
                             : interleave_units<1>(fields, begin, n_units, into);
    begin += field.n_bytes;
  }
}

const uint8_t* bytes(const std::byte* p) { return reinterpret_cast<const uint8_t*>(p); }
uint8_t* bytes(std::byte* p) { return reinterpret_cast<uint8_t*>(p); }

template <size_t N>
void copy(void* to, const void* from) {
  std::memcpy(to, from, N);
}

void copy_unit(void* to, const void* from, int size) {
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

// body(fields of a block, its number) for a row of a packed matrix.
template <class Body>
void for_each_block(const Matrix& w, int64_t row, const Body& body) {
  const PackedLayout& layout = layout_of(w.type);
  const std::byte* strip = w.data + row / kStripRows * strip_bytes(layout, w.n_cols);
  uint8_t fields[kMostSpreadBytes];
  for (int64_t block = 0; block < w.n_cols / tensor_type_info(w.type).block_size; ++block) {
    for_each_unit(layout, static_cast<int>(row % kStripRows),
                  [&](int64_t to, int64_t from, int size) { copy_unit(fields + to, strip + from, size); });
    body(fields, block);
    strip += layout.block_bytes();
  }
}

}  // namespace

const PackedLayout* find_packed_layout(TensorType type) noexcept {
  const auto* found = std::find_if(std::begin(kLayouts), std::end(kLayouts),
                                   [type](const PackedLayout& layout) { return layout.type == type; });
  return found == std::end(kLayouts) ? find_mlx_layout(type) : found;
}

bool has_packed(TensorType type) noexcept { return has_wide_strips(type) || find_packed_layout(type) != nullptr; }

int64_t strip_rows(TensorType type) noexcept { return has_wide_strips(type) ? kWideStripRows : kStripRows; }

int64_t packed_bytes(TensorType type, int64_t n_rows, int64_t n_cols) {
  const int64_t n_strips = (n_rows + strip_rows(type) - 1) / strip_rows(type);
  if (has_wide_strips(type)) return n_strips * kWideStripRows * n_cols * tensor_type_info(type).block_bytes;
  return n_strips * strip_bytes(layout_of(type), n_cols);
}

void pack(TensorType type, const std::byte* rows, int64_t n_rows, int64_t n_cols, std::byte* packed) {
  if (has_wide_strips(type)) return pack_wide(type, rows, n_rows, n_cols, packed);
  const PackedLayout& layout = layout_of(type);
  const TensorTypeInfo& info = tensor_type_info(type);
  const int64_t n_blocks = n_cols / info.block_size, row_bytes = n_blocks * info.block_bytes;
  RowFields fields[kStripRows] = {};
  for (int64_t first = 0; first < n_rows; first += kStripRows) {
    const int n = static_cast<int>(std::min<int64_t>(kStripRows, n_rows - first));
    if (n < kStripRows) std::fill(fields + n, fields + kStripRows, RowFields{});
    for (int64_t block = 0; block < n_blocks; ++block, packed += layout.block_bytes()) {
      for (int r = 0; r < n; ++r) {
        spread(type, bytes(rows + (first + r) * row_bytes + block * info.block_bytes), fields[r].data());
      }
      interleave(layout, fields, packed);
    }
  }
}

void unpack_row(const Matrix& w, int64_t row, std::byte* blocks) {
  if (has_wide_strips(w.type)) return unpack_wide_row(w, row, blocks);
  if (has_levels(w.type)) {
    fail(ErrorCode::unsupported, "rows of type ", tensor_type_info(w.type).name, " cannot be put together again: the ",
         "packed form has no codes of its code book");
  }
  const uint32_t block_bytes = tensor_type_info(w.type).block_bytes;
  for_each_block(w, row, [&](const uint8_t* fields, int64_t block) {
    gather(w.type, fields, bytes(blocks + block * block_bytes));
  });
}

void unpack_levels_row(const Matrix& w, int64_t row, float* y) {
  for_each_block(w, row, [&](const uint8_t* fields, int64_t block) { read_levels(w.type, fields, y + block * 256); });
}

}  // namespace fluxmlx::kernels
