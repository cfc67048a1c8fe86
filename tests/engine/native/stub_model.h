// A model without weights: what it says next depends on the last token and its position alone, so the right answer to
// any prompt is known, in any company.
#pragma once

#include <algorithm>
#include <new>
#include <vector>

#include "engine/model_loader.h"

namespace fluxmlx::stub {

inline constexpr int kVocabulary = 64;
inline constexpr int kContext = 4096;

inline int32_t next_token(int32_t token, int32_t position) { return (token * 31 + position * 7 + 5) % kVocabulary; }

// Positions that all caches may have, and have.
struct Positions {
  int64_t limit = kContext;
  int64_t used = 0;
};

class Cache final : public cache::KvCache {
 public:
  explicit Cache(Positions& positions) : positions_(positions) {}
  ~Cache() override { positions_.used -= reserved_; }

  uint64_t n_bytes() const noexcept override { return static_cast<uint64_t>(reserved_); }
  void reserve(int n_positions) override {
    if (n_positions <= reserved_) return;
    if (positions_.used + n_positions - reserved_ > positions_.limit) throw std::bad_alloc();
    positions_.used += n_positions - reserved_;
    reserved_ = n_positions;
  }

 private:
  Positions& positions_;
  int reserved_ = 0;
};

class Store final : public cache::KvStore {
 public:
  std::unique_ptr<cache::KvCache> open() override { return std::make_unique<Cache>(positions_); }
  uint64_t position_bytes() const noexcept override { return 1; }
  void set_limit(uint64_t n_bytes) noexcept override { positions_.limit = static_cast<int64_t>(n_bytes); }
  uint64_t room_bytes() const noexcept override { return static_cast<uint64_t>(positions_.limit - positions_.used); }
  int64_t most_positions() const noexcept override { return positions_.limit; }
  uint64_t used_bytes() const noexcept override { return static_cast<uint64_t>(positions_.used); }

 private:
  Positions positions_;
};

class Runner final : public engine::Runner {
 public:
  int n_vocab() const noexcept override { return kVocabulary; }

  int n_embd() const noexcept override { return 1; }

  Outputs run(const model::Batch& batch, std::span<const int32_t> rows, std::span<const int32_t>) override {
    for (const auto& [cache, begin, count] : batch.entries) {
      cache->reserve(cache->length() + count);
      cache->advance(count);
    }
    logits_.assign(rows.size() * kVocabulary, 0);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<size_t>(rows[i]);
      logits_[i * kVocabulary + static_cast<size_t>(next_token(batch.tokens[row], batch.positions[row]))] = 9;
    }
    return {logits_.data(), nullptr};
  }

 private:
  std::vector<float> logits_;
};

inline engine::LoadedModel load(engine::Options& options, engine::LoadProgress& progress) {
  engine::LoadedModel loaded;
  loaded.runner = std::make_unique<Runner>();
  loaded.cache_store = std::make_unique<Store>();
  loaded.cache_store->set_limit(options.max_memory);
  options.n_ctx = kContext;
  options.n_positions = static_cast<int>(std::min<uint64_t>(options.max_memory, kContext));
  loaded.info.n_vocab = kVocabulary;
  loaded.info.n_ctx = kContext;
  loaded.info.cache_bytes_per_position = 1;
  progress.done = progress.total = 1;
  return loaded;
}

}  // namespace fluxmlx::stub
