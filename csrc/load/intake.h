#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/thread_pool.h"
#include "gguf/tensor_source.h"

namespace fluxmlx::load {

// Matrices on their way from the file to memory. All threads take part, each with rows of its own: it reads them,
// and packs them while they are in its cache. A matrix is never held twice.
class Intake {
 public:
  // Rows [first, first + n_rows) of a tensor to be packed, or else to be copied as they are, into memory that outlives
  // run().
  void add(const gguf::Tensor& tensor, int64_t first, int64_t n_rows, int64_t n_cols, bool packed, std::byte* into);

  // Does what was added. `progress` hears on the calling thread how many bytes have been read; what it throws, or a
  // failed read, ends the work early and comes out here.
  void run(const gguf::TensorSource& source, ThreadPool& pool, const std::function<void(uint64_t done)>& progress);

 private:
  // Whole strips, so that no two parts write the same memory.
  struct Part {
    const gguf::Tensor* tensor;
    int64_t first, row, n_rows, n_cols, row_bytes;  // row counts from the first
    bool packed;
    std::byte* into;  // of row 0
  };

  static void read(const gguf::TensorSource& source, const Part& part, std::vector<std::byte>& buffer);

  std::vector<Part> parts_;
};

}  // namespace fluxmlx::load
