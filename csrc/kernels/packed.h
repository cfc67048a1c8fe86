#pragma once

#include <cstdint>

#include "kernels/kernels.h"

// Strips of kStripRows weight rows, re-laid for kernels that multiply one broadcast group of activations with the
// same columns of all rows. A block of a strip holds the fields of the rows' blocks one after the other; a field is
// cut into units, and unit u of row r is at (u * kStripRows + r) * unit bytes.
namespace fluxmlx::kernels {

inline constexpr int kStripRows = 8;
// Of weights that are floats: number r of column k is at k * 32 + r; those of BF16 lie in pairs of columns, number r of
// columns 2 j and 2 j + 1 at (j * 32 + r) * 2, and a last column without another as the others' columns.
inline constexpr int kWideStripRows = 32;

// True for F32, F16 and BF16.
constexpr bool has_wide_strips(TensorType type) noexcept {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

// pack() and unpack_row() for such types.
void pack_wide(TensorType type, const std::byte* rows, int64_t n_rows, int64_t n_cols, std::byte* packed);
void unpack_wide_row(const Matrix& w, int64_t row, std::byte* numbers);

struct PackedField {
  int n_bytes;  // of one row
  int unit;
};

struct PackedLayout {
  TensorType type;
  int n_fields;
  PackedField fields[6];

  // Of one block of a strip.
  constexpr int64_t block_bytes() const {
    int64_t n = 0;
    for (int i = 0; i < n_fields; ++i) n += fields[i].n_bytes;
    return n * kStripRows;
  }
};

// nullptr for a type without packed form. find_mlx_layout: of base/mlx_type.h.
const PackedLayout* find_packed_layout(TensorType type) noexcept;
const PackedLayout* find_mlx_layout(TensorType type) noexcept;

}  // namespace fluxmlx::kernels
