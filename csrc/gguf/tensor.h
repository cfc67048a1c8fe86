#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/tensor_type.h"

namespace fluxmlx::gguf {

// One row of the tensor directory. Once parsed, every number in it has been checked against the file.
struct Tensor {
  std::string name;
  TensorType type = TensorType::F32;
  std::vector<uint64_t> ne;  // 1 to 4 dimensions, each at least 1; ne[0] is contiguous
  uint64_t offset = 0;       // of the first byte, absolute in its shard's file
  uint64_t n_bytes = 0;
  uint32_t shard = 0;

  uint64_t n_elements() const noexcept {
    uint64_t n = 1;
    for (const uint64_t size : ne) n *= size;
    return n;
  }
};

}  // namespace fluxmlx::gguf
