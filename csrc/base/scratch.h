#pragma once

#include <cstddef>
#include <memory>

namespace fluxmlx {

// Working memory that is kept from one use to the next: steady work allocates nothing, and what one large piece of work
// took is given back when smaller ones follow.
class Scratch {
 public:
  // n bytes, aligned to a cache line, not initialised; what an earlier call gave is invalid.
  std::byte* reserve(size_t n);

  size_t n_bytes() const noexcept { return size_; }

 private:
  std::shared_ptr<std::byte> memory_;
  size_t size_ = 0;
};

}  // namespace fluxmlx
