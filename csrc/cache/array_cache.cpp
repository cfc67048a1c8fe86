#include "cache/array_cache.h"

#include <algorithm>

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

void ArrayCache::reserve(int n_positions) {
  if (n_positions <= capacity_) return;
  const int capacity = round_up(std::max(n_positions, capacity_ + capacity_ / 2));
  probe_memory(bytes_of_position(shape_) * static_cast<uint64_t>(capacity));
  grow(k_, capacity);
  grow(v_, capacity);
  capacity_ = capacity;
}

void ArrayCache::grow(std::vector<Array>& arrays, int capacity) {
  if (arrays.empty()) arrays.resize(static_cast<size_t>(shape_.n_layers));
  for (Array& array : arrays) {
    const Shape size = {shape_.n_kv_heads, capacity - capacity_, shape_.head_dim};
    const Array more = mx::zeros(size, dtype_of(shape_.type), stream_);
    const Array parts[] = {array, more};
    array = array ? mx::concatenate(parts, 1, stream_) : more;
  }
}

ArrayStore::ArrayStore(const KvShape& shape, const Stream& stream) : shape_(shape), stream_(stream) {}

uint64_t ArrayStore::position_bytes() const noexcept { return bytes_of_position(shape_); }

}  // namespace fluxmlx::cache
