// Wide strips from rows of floats, and back: a transposition.
#include <algorithm>
#include <cstring>

#include "kernels/packed.h"

namespace fluxmlx::kernels {
namespace {

constexpr int64_t kStep = 16;  // columns whose numbers stay in the first cache, a line of each row

// Columns of a strip's rows, of which the first n_rows are there.
template <class Number>
void pack_columns(const std::byte* rows, int64_t row_bytes, int64_t n_rows, int64_t n, Number* into) {
  for (int64_t r = 0; r < n_rows; ++r) {
    Number numbers[kStep];
    std::memcpy(numbers, rows + r * row_bytes, static_cast<size_t>(n) * sizeof(Number));
    for (int64_t k = 0; k < n; ++k) into[k * kWideStripRows + r] = numbers[k];
  }
  for (int64_t k = 0; k < n; ++k) std::fill(into + k * kWideStripRows + n_rows, into + (k + 1) * kWideStripRows, 0);
}

// n columns of Number from each row of row_bytes on, to those of a strip.
template <class Number>
void pack_strip(const std::byte* rows, int64_t row_bytes, int64_t n_rows, int64_t n, std::byte* packed) {
  auto* into = reinterpret_cast<Number*>(packed);
  for (int64_t k = 0; k < n; k += kStep) {
    pack_columns(rows + k * static_cast<int64_t>(sizeof(Number)), row_bytes, n_rows, std::min(kStep, n - k),
                 into + k * kWideStripRows);
  }
}

template <class Number>
void unpack_strip(const std::byte* packed, int64_t row, int64_t n, std::byte* numbers) {
  const auto* from = reinterpret_cast<const Number*>(packed) + row;
  for (int64_t k = 0; k < n; ++k, from += kWideStripRows, numbers += sizeof(Number)) {
    std::memcpy(numbers, from, sizeof(Number));
  }
}

// The columns of a row, in pieces that are packed alike: body(type of a piece's numbers, its begin in bytes, numbers)
template <class Body>
void for_each_piece(TensorType type, int64_t n_cols, const Body& body) {
  if (type == TensorType::F32) return body(uint32_t{}, 0, n_cols);
  if (type == TensorType::F16) return body(uint16_t{}, 0, n_cols);
  body(uint32_t{}, 0, n_cols / 2);  // pairs
  body(uint16_t{}, n_cols / 2 * 4, n_cols % 2);
}

}  // namespace

void pack_wide(TensorType type, const std::byte* rows, int64_t n_rows, int64_t n_cols, std::byte* packed) {
  const int64_t row_bytes = n_cols * tensor_type_info(type).block_bytes;
  for (int64_t row = 0; row < n_rows; row += kWideStripRows, packed += kWideStripRows * row_bytes) {
    const std::byte* strip = rows + row * row_bytes;
    for_each_piece(type, n_cols, [&]<class Number>(Number, int64_t begin, int64_t n) {
      pack_strip<Number>(strip + begin, row_bytes, std::min<int64_t>(kWideStripRows, n_rows - row), n,
                         packed + begin * kWideStripRows);
    });
  }
}

void unpack_wide_row(const Matrix& w, int64_t row, std::byte* numbers) {
  const int64_t row_bytes = w.n_cols * tensor_type_info(w.type).block_bytes;
  const std::byte* strip = w.data + row / kWideStripRows * kWideStripRows * row_bytes;
  for_each_piece(w.type, w.n_cols, [&]<class Number>(Number, int64_t begin, int64_t n) {
    unpack_strip<Number>(strip + begin * kWideStripRows, row % kWideStripRows, n, numbers + begin);
  });
}

}  // namespace fluxmlx::kernels
