#include "base/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace fluxmlx {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

std::shared_ptr<std::byte> map_pages(size_t n) {
  if (n > SIZE_MAX - 2 * kHugePage) throw std::bad_alloc();
  const size_t size = (n + kHugePage - 1) / kHugePage * kHugePage + kHugePage;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const std::shared_ptr<std::byte> all(static_cast<std::byte*>(memory), [size](std::byte* p) { munmap(p, size); });
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(memory) % kHugePage) % kHugePage;
#if defined(__linux__)
  madvise(all.get() + before, size - kHugePage, MADV_HUGEPAGE);  // a wish
#endif
  return {all, all.get() + before};
}

}  // namespace fluxmlx
