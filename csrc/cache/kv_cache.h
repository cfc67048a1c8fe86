#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "kernels/kernels.h"

namespace fluxmlx::cache {

struct KvShape {
  int n_layers = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  kernels::CacheType type = kernels::CacheType::f16;
};

// Keys and values of one sequence. Attention writes new rows behind length(); advance() then makes them part of the
// past.
class KvCache {
 public:
  KvCache() = default;
  virtual ~KvCache() = default;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  int length() const noexcept { return length_; }

  // Of the memory that it has.
  virtual uint64_t n_bytes() const noexcept = 0;

  // Makes room for n_positions in all; those below length() are kept. Throws std::bad_alloc, and changes nothing, where
  // the store's limit or the system has no room.
  virtual void reserve(int n_positions) = 0;

  void advance(int n_rows) noexcept { length_ += n_rows; }

  // Keeps the first n positions; those behind them are written again.
  void truncate(int n_positions) noexcept { length_ = std::min(length_, n_positions); }

 private:
  int length_ = 0;
};

// Gives the sequences of one model their caches. Each implementation of Ops has its own, and reads only its caches.
class KvStore {
 public:
  virtual ~KvStore() = default;

  virtual std::unique_ptr<KvCache> open() = 0;  // empty

  // Bytes that one position takes in all layers.
  virtual uint64_t position_bytes() const noexcept = 0;

  // Most bytes that all caches may have together; how many there are left; and the positions of one cache that has all.
  virtual void set_limit(uint64_t n_bytes) noexcept = 0;
  virtual uint64_t room_bytes() const noexcept = 0;
  virtual int64_t most_positions() const noexcept = 0;
};

}  // namespace fluxmlx::cache
