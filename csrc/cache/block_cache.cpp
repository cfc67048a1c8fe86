#include "cache/block_cache.h"

#include <algorithm>
#include <climits>

namespace fluxmlx::cache {
namespace {

int64_t bytes_of_layer(const KvShape& shape) {
  return shape.n_kv_heads * kernels::cache_head_bytes(shape.type, shape.head_dim);
}

}  // namespace

BlockCache::BlockCache(const KvShape& shape, std::shared_ptr<BlockPool> pool)
    : pool_(std::move(pool)),
      view_(std::make_shared<BlockView>(BlockView{shape.type, bytes_of_layer(shape), {}, {}})) {}

BlockCache::~BlockCache() {
  for (const int block : table_) pool_->release(block);
}

void BlockCache::reserve(int n_positions) {
  const auto needed = static_cast<size_t>((n_positions + kernels::kBlockPositions - 1) / kernels::kBlockPositions);
  if (needed <= table_.size()) return;
  auto view = std::make_shared<BlockView>(*view_);  // a task of a step that failed may still read the old one
  const size_t n_before = table_.size();
  table_.reserve(needed);
  try {
    while (table_.size() < needed) {
      table_.push_back(pool_->allocate());
      view->owners.push_back(pool_->memory(table_.back()));
      view->blocks.push_back(view->owners.back().get());
    }
  } catch (...) {
    for (; table_.size() > n_before; table_.pop_back()) pool_->release(table_.back());
    throw;
  }
  view_ = std::move(view);
}

BlockStore::BlockStore(const KvShape& shape)
    : shape_(shape), pool_(std::make_shared<BlockPool>(static_cast<size_t>(shape.n_layers * bytes_of_layer(shape)))) {}

void BlockStore::set_limit(uint64_t n_bytes) noexcept {
  pool_->set_max_blocks(static_cast<int>(std::min<uint64_t>(n_bytes / pool_->block_bytes(), INT_MAX)));
}

uint64_t BlockStore::room_bytes() const noexcept {
  const int n_blocks = pool_->max_blocks() - std::min(pool_->n_used(), pool_->max_blocks());
  return static_cast<uint64_t>(n_blocks) * pool_->block_bytes();
}

}  // namespace fluxmlx::cache
