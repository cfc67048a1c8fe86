#include "base/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace fluxmlx {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

std::shared_ptr<std::byte> map_small_pages(size_t n) {
  void* memory = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {static_cast<std::byte*>(memory), [n](std::byte* p) { munmap(p, n); }};
}

std::shared_ptr<std::byte> map_pages(size_t n) {
  if (n > SIZE_MAX - 2 * kHugePage) throw std::bad_alloc();
  const size_t size = (n + kHugePage - 1) / kHugePage * kHugePage + kHugePage;
  const std::shared_ptr<std::byte> all = map_small_pages(size);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(all.get()) % kHugePage) % kHugePage;
#if defined(__linux__)
  madvise(all.get() + before, size - kHugePage, MADV_HUGEPAGE);  // a wish
#endif
  return {all, all.get() + before};
}

}  // namespace fluxmlx
