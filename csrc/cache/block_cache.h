#pragma once

#include <memory>
#include <span>
#include <vector>

#include "cache/block_pool.h"
#include "cache/kv_cache.h"

namespace fluxmlx::cache {

int64_t layer_bytes(const KvShape& shape) noexcept;  // of a block

// Where the blocks of a sequence lie, in order, and what is in each. Whoever holds a view keeps their memory.
struct BlockView {
  kernels::CacheType type;
  int64_t layer_bytes;  // of each layer in each block
  std::vector<std::byte*> blocks;
  std::vector<std::shared_ptr<std::byte>> owners;
};

// The cache of one sequence as a table of blocks of kernels::kBlockPositions positions; growth copies nothing, but for
// a block that somebody else uses too and that is about to be written into.
class BlockCache final : public KvCache {
 public:
  BlockCache(const KvShape& shape, std::shared_ptr<BlockPool> pool);
  ~BlockCache() override;

  uint64_t n_bytes() const noexcept override { return table_.size() * pool_->block_bytes(); }
  void reserve(int n_positions) override;

  std::vector<std::byte> save(int n_positions) const override;
  void restore(std::span<const std::byte> saved) override;

  // Makes an empty cache one of the first n_positions of these blocks.
  void adopt(std::span<const int> blocks, int n_positions);

  std::span<const int> table() const noexcept { return table_; }
  const std::shared_ptr<const BlockView>& view() const noexcept { return view_; }

 private:
  int n_missing(int n_positions) const noexcept;
  void set_table(std::vector<int> table);

  std::shared_ptr<BlockPool> pool_;
  std::vector<int> table_;
  std::shared_ptr<const BlockView> view_;
};

}  // namespace fluxmlx::cache
