#include "cache/block_store.h"

#include <algorithm>
#include <limits>

namespace fluxmlx::cache {

BlockStore::BlockStore(const KvShape& shape)
    : shape_(shape),
      pool_(std::make_shared<BlockPool>(static_cast<size_t>(shape.n_layers * layer_bytes(shape)))),
      index_(pool_) {
  pool_->set_reclaim([this] { return index_.evict_idle(); });
}

// Caches may live longer.
BlockStore::~BlockStore() { pool_->set_reclaim({}); }

void BlockStore::share(const KvCache& from, int n_positions, KvCache& into) {
  static_cast<BlockCache&>(into).adopt(static_cast<const BlockCache&>(from).table(), n_positions);
}

void BlockStore::keep(const KvCache& from, std::span<const int32_t> tokens) {
  const auto n = static_cast<size_t>(from.length());
  index_.insert(tokens.first(n), static_cast<const BlockCache&>(from).table());
}

int BlockStore::blocks_in(uint64_t n_bytes) const noexcept {
  const uint64_t most = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(n_bytes / pool_->block_bytes(), most));
}

uint64_t BlockStore::room_bytes() const noexcept {
  return bytes_of(std::max(0, pool_->max_blocks() - pool_->n_used()) + pool_->n_idle());
}

int BlockStore::take(std::span<const int32_t> tokens, KvCache& into) {
  const PrefixIndex::Match match = index_.find(tokens);
  static_cast<BlockCache&>(into).adopt(match.blocks, match.n_tokens);
  return match.n_tokens;
}

void BlockStore::check_integrity() const {
  pool_->check_integrity();
  index_.check_integrity();
}

}  // namespace fluxmlx::cache
