#include "base/arena.h"

#include <algorithm>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fluxmlx {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLine = 64;

size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

std::shared_ptr<std::byte> new_block(size_t n) {
  constexpr std::align_val_t alignment{kHugePage};
  auto* memory = static_cast<std::byte*>(::operator new(n, alignment));
#if defined(__linux__)
  madvise(memory, n, MADV_HUGEPAGE);  // a wish; where it is not granted reading is a fifth slower
#endif
  return {memory, [](std::byte* p) { ::operator delete(p, std::align_val_t{kHugePage}); }};
}

}  // namespace

Arena::Arena(size_t expected_bytes)
    : block_bytes_(std::clamp(round_up(expected_bytes, kHugePage), kHugePage, size_t{1} << 30)) {}

std::shared_ptr<std::byte> Arena::allocate(size_t n) {
  n = round_up(std::max<size_t>(n, 1), kLine);
  if (n > size_ - used_) {
    size_ = round_up(std::max(n, block_bytes_), kHugePage);
    block_ = new_block(size_);
    used_ = 0;
  }
  used_ += n;
  return {block_, block_.get() + used_ - n};
}

}  // namespace fluxmlx
