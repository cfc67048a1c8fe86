#pragma once

#include <cstddef>
#include <memory>

namespace fluxmlx {

// n bytes straight from the system, zero, aligned to a huge page and backed by such where the system has them. Takes no
// memory before it is written and goes back at once when nobody holds it. Throws std::bad_alloc.
std::shared_ptr<std::byte> map_pages(size_t n);

// The same in pages of the usual size: nothing is rounded up to a huge one.
std::shared_ptr<std::byte> map_small_pages(size_t n);

}  // namespace fluxmlx
