#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

// The input rows of a product, in every form that its weights ask for.
namespace fluxmlx::kernels {

struct Table;

// x = scale * q for 32 columns; |q| <= 127.
struct Block32 {
  float scale;
  float sum;          // scale * the sum of q
  int16_t sums16[2];  // of q over each 16 columns
  int32_t lowered;    // -8 times the sum of q: what it takes to lower all codes by 8
  int8_t q[32];
};

// The same for 256 columns, with the sums of q over each 16 and 32 of them.
struct Block256 {
  float scale;
  int16_t sums16[16];
  int16_t sums32[8];
  int8_t q[256];
};

// The blocks of G tokens for the same columns: a block is cut into units of four bytes, and unit u of token t is at
// 4 (u G + t).
template <int G>
struct Group32 {
  float scale[G];
  float sum[G];
  int16_t sums16[G][2];
  int32_t lowered[G];
  int8_t q[8][G][4];
};

template <int G>
struct Group256 {
  float scale[G];
  int16_t sums16[8][G][2];
  int16_t sums32[4][G][2];
  int8_t q[64][G][4];
};

// Where the blocks of a row go: it is number `token` of a group of `size`.
struct GroupPlace {
  std::byte* group;
  int size;
  int token;
};

// The group of a token: `most` together as long as there are as many left, then half of that, down to one.
struct TokenGroup {
  int64_t begin;
  int size;
};

inline TokenGroup group_of(int64_t token, int64_t n_tokens, int most) {
  TokenGroup group{0, most};
  for (; group.size > 1; group.size /= 2) {
    const int64_t whole = (n_tokens - group.begin) / group.size * group.size;
    if (token < group.begin + whole) break;
    group.begin += whole;
  }
  group.begin += (token - group.begin) / group.size * group.size;
  return group;
}

// The forms that matrices ask for.
struct Forms {
  bool floats = false, float_groups = false, bfloat_groups = false, groups32 = false, groups256 = false;

  void add(const Matrix& w);
  bool wide() const { return float_groups || bfloat_groups; }
};

// The rows in each form that is asked for, normed first. They lie in memory of the calling thread, and are gone when it
// makes the next.
struct Activations {
  Activations(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n_cols,
              const InputNorm& norm, const Forms& forms, bool asks_ahead);

  const Table& table;
  const float* floats;                       // (n_tokens, n_cols), for weights in blocks
  const float* float_groups;                 // (n_cols, size) of each group of float_group tokens, for wide strips
  const std::byte* bfloat_groups = nullptr;  // the same in pairs of columns, see BfloatKernels, for those of BF16
  const std::byte* groups32 = nullptr;       // Group32 after Group32, for packed types with one scale per 32
  const std::byte* groups256 = nullptr;      // Group256 after Group256, for packed types with super-blocks
  int64_t row_bytes32, row_bytes256, row_bytes_bfloat;  // a token's share of its group
  bool asks_ahead;                                      // for weights, where it is one token
};

}  // namespace fluxmlx::kernels
