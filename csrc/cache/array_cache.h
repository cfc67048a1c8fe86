#pragma once

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "array/array.h"
#include "array/stream.h"
#include "cache/kv_cache.h"

namespace fluxmlx::cache {

// Bytes that all caches of a store may have, and have.
struct ArrayBudget {
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  uint64_t used = 0;
};

// A cache of MLX arrays, for any device. Attention replaces k(layer) and v(layer) by arrays that hold the new rows.
// Memory grows in steps, by copying.
class ArrayCache final : public KvCache {
 public:
  ArrayCache(const KvShape& shape, const Stream& stream, std::shared_ptr<ArrayBudget> budget)
      : shape_(shape), stream_(stream), budget_(std::move(budget)) {}
  ~ArrayCache() override { budget_->used -= n_bytes(); }

  uint64_t n_bytes() const noexcept override;
  void reserve(int n_positions) override;

  Array& k(int layer) { return k_[layer]; }  // (n_kv_heads, capacity, head_dim)
  Array& v(int layer) { return v_[layer]; }

 private:
  bool fits(int capacity) const noexcept;
  std::vector<Array> grown(const std::vector<Array>& arrays, int capacity) const;

  KvShape shape_;
  const Stream& stream_;
  std::shared_ptr<ArrayBudget> budget_;
  std::vector<Array> k_, v_;
  int capacity_ = 0;
};

class ArrayStore final : public KvStore {
 public:
  ArrayStore(const KvShape& shape, const Stream& stream);  // the stream outlives the store and its caches

  std::unique_ptr<KvCache> open() override { return std::make_unique<ArrayCache>(shape_, stream_, budget_); }
  uint64_t position_bytes() const noexcept override;
  void set_limit(uint64_t n_bytes) noexcept override { budget_->limit = n_bytes; }
  uint64_t room_bytes() const noexcept override;
  uint64_t used_bytes() const noexcept override { return budget_->used; }
  int64_t most_positions() const noexcept override;

 private:
  KvShape shape_;
  const Stream& stream_;
  std::shared_ptr<ArrayBudget> budget_ = std::make_shared<ArrayBudget>();
};

}  // namespace fluxmlx::cache
