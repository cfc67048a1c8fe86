#include "base/scratch.h"

#include <new>

namespace fluxmlx {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr size_t kAlwaysKept = size_t{1} << 20;
constexpr size_t kMostTooLarge = 8;  // times what is asked for

}  // namespace

void Scratch::Delete::operator()(std::byte* p) const noexcept { ::operator delete[](p, kAlignment); }

std::byte* Scratch::reserve(size_t n) {
  const bool too_large = size_ > kAlwaysKept && size_ / kMostTooLarge > n;
  if (n > size_ || too_large) {
    memory_.reset();
    size_ = 0;
    memory_.reset(new (kAlignment) std::byte[n]);
    size_ = n;
  }
  return memory_.get();
}

}  // namespace fluxmlx
