#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf/tensor.h"

namespace fluxmlx::checkpoint {

// Bytes that hold rows of a tensor.
struct Part {
  static constexpr uint32_t kHeld = UINT32_MAX;  // in place of a file: of the table's own bytes

  uint32_t file = 0;
  uint64_t offset = 0;
  uint64_t n_bytes = 0;
};

// Rows of equal length: those of the parts, one part behind the other.
struct Plane {
  std::vector<Part> parts;
  uint64_t row_bytes = 0;
  uint64_t n_columns = 0;  // the rows are the columns of matrices that have so many; 0: they are rows there, too
};

// From every `step` rows of the planes the tensor takes these, in this order.
struct RowOrder {
  uint64_t step = 1;
  std::vector<uint64_t> rows = {0};

  uint64_t at(uint64_t row) const { return row / rows.size() * step + rows[row % rows.size()]; }
};

// A tensor as the loader sees it, and where its bytes are. A type whose blocks the files keep in pieces, codes here
// and scales there, has one plane for each piece.
struct Entry {
  gguf::Tensor tensor;  // `shard` is the entry's own index
  std::vector<Plane> planes;
  RowOrder order;
};

// Fails unless every byte that the entry speaks of is there. `sizes`: of the files; `n_held`: the table's own bytes.
void check(const Entry& entry, const std::vector<uint64_t>& sizes, uint64_t n_held, const std::string& path);

}  // namespace fluxmlx::checkpoint
