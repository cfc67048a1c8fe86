#include "cache/array_cache.h"

#include <algorithm>
#include <climits>
#include <new>

#include "array/functions.h"
#include "base/memory.h"

namespace fluxmlx::cache {
namespace {

constexpr int kStep = 256;  // positions; growth is by half, so copying stays a constant share of the work

int round_up(int n) { return (n + kStep - 1) / kStep * kStep; }

mlx_dtype dtype_of(kernels::CacheType type) { return type == kernels::CacheType::f32 ? MLX_FLOAT32 : MLX_FLOAT16; }

uint64_t bytes_of_position(const KvShape& shape) noexcept {
  return 2ull * shape.n_layers * shape.n_kv_heads * shape.head_dim * mlx_dtype_size(dtype_of(shape.type));
}

}  // namespace

uint64_t ArrayCache::n_bytes() const noexcept { return bytes_of_position(shape_) * static_cast<uint64_t>(capacity_); }

bool ArrayCache::fits(int capacity) const noexcept {
  const uint64_t n_more = bytes_of_position(shape_) * static_cast<uint64_t>(capacity - capacity_);
  return budget_->used <= budget_->limit && n_more <= budget_->limit - budget_->used;
}

void ArrayCache::reserve(int n_positions) {
  if (n_positions <= capacity_) return;
  int capacity = round_up(std::max(n_positions, capacity_ + capacity_ / 2));
  if (!fits(capacity)) capacity = round_up(n_positions);
  if (!fits(capacity)) throw std::bad_alloc();
  probe_memory(bytes_of_position(shape_) * static_cast<uint64_t>(capacity));
  std::vector<Array> k = grown(k_, capacity), v = grown(v_, capacity);
  k_.swap(k);
  v_.swap(v);
  budget_->used -= n_bytes();
  capacity_ = capacity;
  budget_->used += n_bytes();
}

std::vector<Array> ArrayCache::grown(const std::vector<Array>& arrays, int capacity) const {
  std::vector<Array> result;
  for (size_t layer = 0; layer < static_cast<size_t>(shape_.n_layers); ++layer) {
    const Shape size = {shape_.n_kv_heads, capacity - capacity_, shape_.head_dim};
    const Array more = mx::zeros(size, dtype_of(shape_.type), stream_);
    if (arrays.empty()) {
      result.push_back(more);
      continue;
    }
    const Array parts[] = {arrays[layer], more};
    result.push_back(mx::concatenate(parts, 1, stream_));
  }
  return result;
}

ArrayStore::ArrayStore(const KvShape& shape, const Stream& stream) : shape_(shape), stream_(stream) {}

uint64_t ArrayStore::position_bytes() const noexcept { return bytes_of_position(shape_); }

uint64_t ArrayStore::room_bytes() const noexcept { return budget_->limit - std::min(budget_->used, budget_->limit); }

int64_t ArrayStore::most_positions() const noexcept {
  const uint64_t n = std::min<uint64_t>(budget_->limit / bytes_of_position(shape_), INT_MAX);
  return static_cast<int64_t>(n) / kStep * kStep;
}

}  // namespace fluxmlx::cache
