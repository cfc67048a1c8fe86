#pragma once

#include "cache/block_cache.h"
#include "cache/prefix_index.h"

namespace fluxmlx::cache {

// Caches whose blocks come from one pool and may be shared.
class BlockStore final : public KvStore {
 public:
  explicit BlockStore(const KvShape& shape);
  ~BlockStore() override;

  std::unique_ptr<KvCache> open() override { return std::make_unique<BlockCache>(shape_, pool_); }
  uint64_t position_bytes() const noexcept override { return pool_->block_bytes() / kernels::kBlockPositions; }
  uint64_t used_bytes() const noexcept override { return bytes_of(pool_->n_used()); }
  uint64_t idle_bytes() const noexcept override { return bytes_of(pool_->n_idle()); }
  void set_limit(uint64_t n) noexcept override { pool_->set_max_blocks(blocks_in(n)); }
  uint64_t room_bytes() const noexcept override;
  int64_t most_positions() const noexcept override { return int64_t{pool_->max_blocks()} * kernels::kBlockPositions; }

  bool can_share() const noexcept override { return true; }
  void share(const KvCache& from, int n_positions, KvCache& into) override;
  void keep(const KvCache& from, std::span<const int32_t> tokens) override;
  void set_kept_bytes(uint64_t n) noexcept override { index_.set_max_blocks(blocks_in(n)); }
  void drop_kept() noexcept override { index_.clear(); }
  int find(std::span<const int32_t> tokens) override { return index_.find(tokens).n_tokens; }
  int take(std::span<const int32_t> tokens, KvCache& into) override;
  void check_integrity() const override;

 private:
  uint64_t bytes_of(int n_blocks) const noexcept { return static_cast<uint64_t>(n_blocks) * pool_->block_bytes(); }
  int blocks_in(uint64_t n_bytes) const noexcept;

  KvShape shape_;
  std::shared_ptr<BlockPool> pool_;
  PrefixIndex index_;
};

}  // namespace fluxmlx::cache
