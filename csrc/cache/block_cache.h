#pragma once

#include <memory>
#include <vector>

#include "cache/block_pool.h"
#include "cache/kv_cache.h"

namespace fluxmlx::cache {

// Where the blocks of a sequence lie, in order, and what is in each. Whoever holds a view keeps their memory.
struct BlockView {
  kernels::CacheType type;
  int64_t layer_bytes;  // of each layer in each block
  std::vector<std::byte*> blocks;
  std::vector<std::shared_ptr<std::byte>> owners;
};

// The cache of one sequence as a table of blocks of kernels::kBlockPositions positions; growth copies nothing.
class BlockCache final : public KvCache {
 public:
  BlockCache(const KvShape& shape, std::shared_ptr<BlockPool> pool);
  ~BlockCache() override;

  uint64_t n_bytes() const noexcept override { return table_.size() * pool_->block_bytes(); }
  void reserve(int n_positions) override;

  const std::shared_ptr<const BlockView>& view() const noexcept { return view_; }

 private:
  std::shared_ptr<BlockPool> pool_;
  std::vector<int> table_;
  std::shared_ptr<const BlockView> view_;
};

class BlockStore final : public KvStore {
 public:
  explicit BlockStore(const KvShape& shape);

  std::unique_ptr<KvCache> open() override { return std::make_unique<BlockCache>(shape_, pool_); }
  uint64_t position_bytes() const noexcept override { return pool_->block_bytes() / kernels::kBlockPositions; }
  void set_limit(uint64_t n_bytes) noexcept override;
  uint64_t room_bytes() const noexcept override;
  int64_t most_positions() const noexcept override { return int64_t{pool_->max_blocks()} * kernels::kBlockPositions; }

 private:
  KvShape shape_;
  std::shared_ptr<BlockPool> pool_;
};

}  // namespace fluxmlx::cache
