#pragma once

#include <cstdint>

#include "kernels/kernels.h"

// The packed form of types with code books, and of ternary ones: a weight's own level, in 2 to 4 bits, instead of a
// code for several weights.
namespace fluxmlx::kernels {

// What levels stand for, made unsigned by an offset. Two bits name a magnitude or a ternary digit, the third a sign or
// a shift.
inline constexpr uint8_t kIq1Values[16] = {9, 17, 25, 16, 7, 15, 23, 16};     // plus 16
inline constexpr uint8_t kIq2Values[16] = {72, 89, 107, 64, 56, 39, 21, 64};  // plus 64
// Three bits name a magnitude, the fourth a sign.
inline constexpr uint8_t kIq3XxsValues[16] = {68, 76, 84, 92, 100, 108, 116, 126,
                                              60, 52, 44, 36, 28,  20,  12,  2};                         // plus 64
inline constexpr uint8_t kIq3SValues[16] = {17, 19, 21, 23, 25, 27, 29, 31, 15, 13, 11, 9, 7, 5, 3, 1};  // plus 16

// True for IQ1, IQ2, IQ3 and TQ types.
bool has_levels(TensorType type) noexcept;

// A block of 256 weights of such a type as fields of the packed layout, and the weights that such fields mean.
void spread_levels(TensorType type, const uint8_t* block, uint8_t* fields);
void read_levels(TensorType type, const uint8_t* fields, float* weights);

// One row of a packed matrix of such a type.
void unpack_levels_row(const Matrix& w, int64_t row, float* y);

}  // namespace fluxmlx::kernels
