#include "base/scratch.h"

#include <new>

#include "base/pages.h"

namespace fluxmlx {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr size_t kAlwaysKept = size_t{1} << 20;
constexpr size_t kMostTooLarge = 8;  // times what is asked for

// From there on memory comes from the system and goes back to it: in a heap, what grew step by step would leave holes.
constexpr size_t kLarge = size_t{256} << 10;

std::shared_ptr<std::byte> allocate(size_t n) {
  if (n >= kLarge) return map_small_pages(n);
  return {static_cast<std::byte*>(::operator new(n, kAlignment)),
          [](std::byte* p) { ::operator delete(p, kAlignment); }};
}

}  // namespace

std::byte* Scratch::reserve(size_t n) {
  const bool too_large = size_ > kAlwaysKept && size_ / kMostTooLarge > n;
  if (n > size_ || too_large) {
    memory_.reset();
    size_ = 0;
    memory_ = allocate(n);
    size_ = n;
  }
  return memory_.get();
}

}  // namespace fluxmlx
