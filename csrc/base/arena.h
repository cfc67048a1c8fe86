#pragma once

#include <cstddef>
#include <memory>

namespace fluxmlx {

// Memory for weights: large pieces, cut from blocks that the system may back with huge pages. A block lives as long as
// anything in it. What is not written takes no memory.
class Arena {
 public:
  explicit Arena(size_t expected_bytes);  // in all; more is allowed

  // n bytes, aligned to a cache line, not initialised; throws std::bad_alloc.
  std::shared_ptr<std::byte> allocate(size_t n);

 private:
  size_t block_bytes_;
  std::shared_ptr<std::byte> block_;
  size_t size_ = 0, used_ = 0;
};

}  // namespace fluxmlx
