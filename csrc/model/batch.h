#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/kv_cache.h"

namespace fluxmlx::model {

// The rows of one step: those of one sequence are consecutive, and continue what its cache holds.
struct Batch {
  struct Entry {
    cache::KvCache* cache;
    int begin;
    int count;
  };
  std::vector<int32_t> tokens;     // (T,)
  std::vector<int32_t> positions;  // (T,)
  std::vector<Entry> entries;

  int size() const noexcept { return static_cast<int>(tokens.size()); }
  void add(cache::KvCache& cache, std::span<const int32_t> new_tokens);
};

}  // namespace fluxmlx::model
