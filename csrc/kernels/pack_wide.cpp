// Wide strips from rows of floats, and back: a transposition.
#include <algorithm>
#include <cstring>

#include "kernels/packed.h"

namespace fluxmlx::kernels {
namespace {

constexpr int64_t kStep = 16;  // columns whose numbers stay in the first cache, a line of each row

// Columns [begin, begin + n) of a strip's rows, of which the first n_rows are there.
template <class Number>
void pack_columns(const std::byte* rows, int64_t row_bytes, int64_t n_rows, int64_t n, Number* into) {
  for (int64_t r = 0; r < n_rows; ++r) {
    Number numbers[kStep];
    std::memcpy(numbers, rows + r * row_bytes, static_cast<size_t>(n) * sizeof(Number));
    for (int64_t k = 0; k < n; ++k) into[k * kWideStripRows + r] = numbers[k];
  }
  for (int64_t k = 0; k < n; ++k) std::fill(into + k * kWideStripRows + n_rows, into + (k + 1) * kWideStripRows, 0);
}

template <class Number>
void pack_numbers(const std::byte* rows, int64_t n_rows, int64_t n_cols, std::byte* packed) {
  const int64_t row_bytes = n_cols * static_cast<int64_t>(sizeof(Number));
  auto* into = reinterpret_cast<Number*>(packed);
  for (int64_t row = 0; row < n_rows; row += kWideStripRows, into += n_cols * kWideStripRows) {
    const std::byte* strip = rows + row * row_bytes;
    const int64_t n = std::min<int64_t>(kWideStripRows, n_rows - row);
    for (int64_t k = 0; k < n_cols; k += kStep) {
      pack_columns(strip + k * static_cast<int64_t>(sizeof(Number)), row_bytes, n, std::min(kStep, n_cols - k),
                   into + k * kWideStripRows);
    }
  }
}

template <class Number>
void unpack_numbers(const Matrix& w, int64_t row, std::byte* numbers) {
  const auto* from = reinterpret_cast<const Number*>(w.data) + row / kWideStripRows * w.n_cols * kWideStripRows;
  auto* into = reinterpret_cast<Number*>(numbers);
  for (int64_t k = 0; k < w.n_cols; ++k) into[k] = from[k * kWideStripRows + row % kWideStripRows];
}

}  // namespace

void pack_wide(TensorType type, const std::byte* rows, int64_t n_rows, int64_t n_cols, std::byte* packed) {
  (type == TensorType::F32 ? pack_numbers<uint32_t> : pack_numbers<uint16_t>)(rows, n_rows, n_cols, packed);
}

void unpack_wide_row(const Matrix& w, int64_t row, std::byte* numbers) {
  (w.type == TensorType::F32 ? unpack_numbers<uint32_t> : unpack_numbers<uint16_t>)(w, row, numbers);
}

}  // namespace fluxmlx::kernels
