#include "cache/kv_cache.h"

#include <algorithm>

#include "array/functions.h"
#include "base/memory.h"

namespace fluxmlx::cache {
namespace {

constexpr int kStep = 256;  // positions; growth is by half, so copying stays a constant share of the work

int round_up(int n) { return (n + kStep - 1) / kStep * kStep; }

}  // namespace

uint64_t KvShape::position_bytes() const noexcept {
  return 2ull * n_layers * n_kv_heads * head_dim * mlx_dtype_size(dtype);
}

void KvCache::reserve(int n_positions) {
  if (n_positions <= capacity_) return;
  const int capacity = round_up(std::max(n_positions, capacity_ + capacity_ / 2));
  probe_memory(shape_.position_bytes() * static_cast<uint64_t>(capacity));
  grow(k_, capacity);
  grow(v_, capacity);
  capacity_ = capacity;
}

void KvCache::grow(std::vector<Array>& arrays, int capacity) {
  if (arrays.empty()) arrays.resize(static_cast<size_t>(shape_.n_layers));
  for (Array& array : arrays) {
    const Array more = mx::zeros({shape_.n_kv_heads, capacity - capacity_, shape_.head_dim}, shape_.dtype, stream_);
    const Array parts[] = {array, more};
    array = array ? mx::concatenate(parts, 1, stream_) : more;
  }
}

}  // namespace fluxmlx::cache
