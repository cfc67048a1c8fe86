#pragma once

#include <vector>

#include "array/array.h"
#include "array/stream.h"
#include "cache/kv_cache.h"

namespace fluxmlx::cache {

// A cache of MLX arrays, for any device. Attention replaces k(layer) and v(layer) by arrays that hold the new rows.
// Memory grows in steps, by copying.
class ArrayCache final : public KvCache {
 public:
  ArrayCache(const KvShape& shape, const Stream& stream) : shape_(shape), stream_(stream) {}

  uint64_t n_bytes() const noexcept override;
  void reserve(int n_positions) override;

  Array& k(int layer) { return k_[layer]; }  // (n_kv_heads, capacity, head_dim)
  Array& v(int layer) { return v_[layer]; }

 private:
  void grow(std::vector<Array>& arrays, int capacity);

  KvShape shape_;
  const Stream& stream_;
  std::vector<Array> k_, v_;
  int capacity_ = 0;
};

class ArrayStore final : public KvStore {
 public:
  ArrayStore(const KvShape& shape, const Stream& stream);  // the stream outlives the store and its caches

  std::unique_ptr<KvCache> open() override { return std::make_unique<ArrayCache>(shape_, stream_); }
  uint64_t position_bytes() const noexcept override;

 private:
  KvShape shape_;
  const Stream& stream_;
};

}  // namespace fluxmlx::cache
