#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mlx_type.h"

namespace fluxmlx::load {

// Rows of a type of MLX's as MLX itself keeps them: codes here, scales and biases there.
struct MlxPlanes {
  MlxPlanes(const MlxType& type, int64_t n_rows, int64_t n_cols);

  void put_row(int64_t row, const std::byte* blocks);

  std::vector<std::byte> codes, scales, biases;

 private:
  const MlxType& type_;
  int64_t n_blocks_;  // of a row
};

}  // namespace fluxmlx::load
