#include "cache/block_cache.h"

#include <cstring>
#include <utility>

namespace fluxmlx::cache {
namespace {

constexpr size_t kPositions = kernels::kBlockPositions;

size_t blocks_for(int n_positions) noexcept { return (static_cast<size_t>(n_positions) + kPositions - 1) / kPositions; }

// Blocks on their way into a table; back to the pool if they do not get there.
class NewBlocks {
 public:
  explicit NewBlocks(BlockPool& pool) : pool_(pool) {}
  ~NewBlocks() {
    for (const int block : blocks_) pool_.release(block);
  }

  int take() {
    blocks_.reserve(blocks_.size() + 1);
    blocks_.push_back(pool_.allocate());
    return blocks_.back();
  }
  void settle() noexcept { blocks_.clear(); }

 private:
  BlockPool& pool_;
  std::vector<int> blocks_;
};

}  // namespace

int64_t layer_bytes(const KvShape& shape) noexcept {
  return shape.n_kv_heads * kernels::cache_head_bytes(shape.type, shape.head_dim);
}

BlockCache::BlockCache(const KvShape& shape, std::shared_ptr<BlockPool> pool)
    : pool_(std::move(pool)), view_(std::make_shared<BlockView>(BlockView{shape.type, layer_bytes(shape), {}, {}})) {}

BlockCache::~BlockCache() {
  for (const int block : table_) pool_->release(block);
}

// Blocks from the end of what was read on that are not there, or that somebody else uses too.
int BlockCache::n_missing(int n_positions) const noexcept {
  int n = 0;
  for (size_t i = static_cast<size_t>(length()) / kPositions; i < blocks_for(n_positions); ++i) {
    n += i >= table_.size() || pool_->n_users(table_[i]) > 1;
  }
  return n;
}

void BlockCache::reserve(int n_positions) {
  const size_t needed = blocks_for(n_positions);
  if (n_missing(n_positions) == 0) return;
  std::vector<int> table = table_, left;
  NewBlocks fresh(*pool_);
  for (size_t i = static_cast<size_t>(length()) / kPositions; i < needed; ++i) {
    const bool is_new = i >= table.size();
    if (!is_new && pool_->n_users(table[i]) == 1) continue;
    const int block = fresh.take();
    if (is_new) {
      table.push_back(block);
      continue;
    }
    if (i * kPositions < static_cast<size_t>(length())) {
      std::memcpy(pool_->memory(block).get(), pool_->memory(table[i]).get(), pool_->block_bytes());
    }
    left.push_back(std::exchange(table[i], block));
  }
  set_table(std::move(table));
  fresh.settle();
  for (const int block : left) pool_->release(block);
}

std::vector<std::byte> BlockCache::save(int n_positions) const {
  std::vector<std::byte> saved;
  const size_t n_blocks = static_cast<size_t>(n_positions) / kPositions;
  saved.reserve(n_blocks * pool_->block_bytes());
  for (size_t i = 0; i < n_blocks; ++i) {
    saved.insert(saved.end(), view_->blocks[i], view_->blocks[i] + pool_->block_bytes());
  }
  return saved;
}

void BlockCache::restore(std::span<const std::byte> saved) {
  const size_t n_blocks = saved.size() / pool_->block_bytes();
  reserve(static_cast<int>(n_blocks * kPositions));
  for (size_t i = 0; i < n_blocks; ++i) {
    std::memcpy(view_->blocks[i], saved.data() + i * pool_->block_bytes(), pool_->block_bytes());
  }
  advance(static_cast<int>(n_blocks * kPositions));
}

void BlockCache::adopt(std::span<const int> blocks, int n_positions) {
  set_table({blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(blocks_for(n_positions))});
  for (const int block : table_) pool_->share(block);
  advance(n_positions);
}

// A new view, because a task of a step that failed may still read the old one.
void BlockCache::set_table(std::vector<int> table) {
  auto view = std::make_shared<BlockView>(BlockView{view_->type, view_->layer_bytes, {}, {}});
  view->blocks.reserve(table.size());
  view->owners.reserve(table.size());
  for (const int block : table) {
    view->owners.push_back(pool_->memory(block));
    view->blocks.push_back(view->owners.back().get());
  }
  view_ = std::move(view);
  table_ = std::move(table);
}

}  // namespace fluxmlx::cache
