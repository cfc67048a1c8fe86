#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

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

  // The memory of the first n positions, whole blocks of them; and the same as the content of an empty cache, which
  // must be of the same shape. Nothing where caches cannot be shared.
  virtual std::vector<std::byte> save(int /*n_positions*/) const { return {}; }
  virtual void restore(std::span<const std::byte> /*saved*/) {}

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

  // Most bytes that all caches may have together; how many there are left, those included that nobody uses; and the
  // positions of one cache that has all.
  virtual void set_limit(uint64_t n_bytes) noexcept = 0;
  virtual uint64_t room_bytes() const noexcept = 0;
  virtual int64_t most_positions() const noexcept = 0;

  // What caches have, and what is kept for later ones, each byte once; and of this what no cache uses.
  virtual uint64_t used_bytes() const noexcept = 0;
  virtual uint64_t idle_bytes() const noexcept { return 0; }

  // Whether caches can share the positions of a common beginning; nothing below does anything where they cannot.
  virtual bool can_share() const noexcept { return false; }

  // Makes an empty cache one of the first n positions of another.
  virtual void share(const KvCache& /*from*/, int /*n_positions*/, KvCache& /*into*/) {}

  // Keeps the positions of a cache, which are those of `tokens`, for later ones that begin with the same tokens. They
  // give way, those not used for longest first, where there would be more than n bytes, and where a cache needs memory.
  virtual void keep(const KvCache& /*from*/, std::span<const int32_t> /*tokens*/) {}
  virtual void set_kept_bytes(uint64_t /*n*/) noexcept {}
  virtual void drop_kept() noexcept {}

  // How many of these tokens are kept, counted from the first; the same, as the content of an empty cache.
  virtual int find(std::span<const int32_t> /*tokens*/) { return 0; }
  virtual int take(std::span<const int32_t> /*tokens*/, KvCache& /*into*/) { return 0; }

  // Throws Error where the books do not balance.
  virtual void check_integrity() const {}
};

}  // namespace fluxmlx::cache
