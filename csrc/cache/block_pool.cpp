#include "cache/block_pool.h"

#include <algorithm>
#include <new>

#include "base/error.h"
#include "base/pages.h"

namespace fluxmlx::cache {
namespace {

constexpr size_t kSlabBytes = size_t{16} << 20;  // some huge pages
constexpr size_t kLine = 64;

}  // namespace

BlockPool::BlockPool(size_t block_bytes)
    : block_bytes_((block_bytes + kLine - 1) / kLine * kLine),
      slab_blocks_(static_cast<int>(std::max<size_t>(1, kSlabBytes / block_bytes_))) {}

int BlockPool::allocate() {
  make_room();
  const int block = free_.back();
  free_.pop_back();
  users_[block] = 1;
  ++n_used_;
  ++slabs_[block / slab_blocks_].n_used;
  return block;
}

// A block in free_, and leave to use it.
void BlockPool::make_room() {
  while (n_used_ >= max_blocks_) {
    if (!reclaim_ || !reclaim_()) throw std::bad_alloc();
  }
  while (free_.empty()) {
    try {
      return add_slab();
    } catch (const std::bad_alloc&) {
      if (!reclaim_ || !reclaim_()) throw;
    }
  }
}

void BlockPool::share(int block) noexcept {
  if (users_[block]++ == 1 && kept_[block]) --n_idle_;
}

void BlockPool::keep(int block) noexcept {
  share(block);
  kept_[block] = true;
}

void BlockPool::drop(int block) noexcept {
  kept_[block] = false;
  if (users_[block] == 1) --n_idle_;
  release(block);
}

void BlockPool::release(int block) noexcept {
  if (--users_[block] > 0) {
    if (users_[block] == 1 && kept_[block]) ++n_idle_;
    return;
  }
  --n_used_;
  free_.push_back(block);  // add_slab() made room
  const int slab = block / slab_blocks_;
  if (--slabs_[slab].n_used == 0) drop_slab(slab);
}

std::shared_ptr<std::byte> BlockPool::memory(int block) const {
  const std::shared_ptr<std::byte>& slab = slabs_[block / slab_blocks_].memory;
  return {slab, slab.get() + static_cast<size_t>(block % slab_blocks_) * block_bytes_};
}

void BlockPool::add_slab() {
  const size_t n_bytes = block_bytes_ * static_cast<size_t>(slab_blocks_);
  std::shared_ptr<std::byte> memory = map_pages(n_bytes);
  auto slab = std::find_if(slabs_.begin(), slabs_.end(), [](const Slab& s) { return s.memory == nullptr; });
  if (slab == slabs_.end()) {
    users_.reserve(users_.size() + static_cast<size_t>(slab_blocks_));
    free_.reserve(users_.capacity());
    kept_.resize(users_.size() + static_cast<size_t>(slab_blocks_));
    slabs_.emplace_back();
    slab = slabs_.end() - 1;
    users_.resize(users_.size() + static_cast<size_t>(slab_blocks_));
  }
  slab->memory = std::move(memory);
  const int first = static_cast<int>(slab - slabs_.begin()) * slab_blocks_;
  for (int block = first + slab_blocks_; block-- > first;) free_.push_back(block);
}

void BlockPool::drop_slab(int slab) noexcept {
  std::erase_if(free_, [this, slab](int block) { return block / slab_blocks_ == slab; });
  slabs_[slab].memory.reset();
}

int BlockPool::n_held() const noexcept {
  const auto held = std::count_if(slabs_.begin(), slabs_.end(), [](const Slab& s) { return s.memory != nullptr; });
  return static_cast<int>(held) * slab_blocks_;
}

void BlockPool::check_integrity() const {
  std::vector<int> used(slabs_.size()), n_free(slabs_.size());
  std::vector<bool> seen(users_.size());
  for (const int block : free_) {
    if (seen[block] || users_[block] != 0) {
      fail(ErrorCode::runtime, "cache block ", block, " is free, and used or free once more");
    }
    seen[block] = true;
    ++n_free[block / slab_blocks_];
  }
  int n_used = 0, n_idle = 0;
  for (size_t block = 0; block < users_.size(); ++block) {
    used[block / slab_blocks_] += users_[block] > 0;
    n_used += users_[block] > 0;
    n_idle += users_[block] == 1 && kept_[block];
    if (kept_[block] && users_[block] == 0) fail(ErrorCode::runtime, "cache block ", block, " is kept, and free");
  }
  if (n_used != n_used_ || n_idle != n_idle_) {
    fail(ErrorCode::runtime, "the cache counts ", n_used_, " used blocks, ", n_idle_, " of them idle; it has ", n_used,
         " and ", n_idle);
  }
  for (size_t slab = 0; slab < slabs_.size(); ++slab) {
    const int held = slabs_[slab].memory == nullptr ? 0 : slab_blocks_;
    if (used[slab] != slabs_[slab].n_used || used[slab] + n_free[slab] != held) {
      fail(ErrorCode::runtime, "slab ", slab, " of the cache holds ", held, " blocks, of which ", used[slab],
           " are used and ", n_free[slab], " free; its count of used ones is ", slabs_[slab].n_used);
    }
  }
}

}  // namespace fluxmlx::cache
