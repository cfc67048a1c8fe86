#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "array/array.h"
#include "array/stream.h"

namespace fluxmlx::cache {

struct KvShape {
  int n_layers = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  mlx_dtype dtype = MLX_FLOAT16;

  // Bytes that one position takes in all layers.
  uint64_t position_bytes() const noexcept;
};

// Keys and values of one sequence. Attention replaces those of k() and v() by arrays that hold the new rows;
// advance() then makes them part of the past. Memory grows in steps, positions below length() are kept.
class KvCache {
 public:
  KvCache(const KvShape& shape, const Stream& stream) : shape_(shape), stream_(stream) {}

  int length() const noexcept { return length_; }
  int capacity() const noexcept { return capacity_; }

  // Makes room for n_positions in all.
  void reserve(int n_positions);

  void advance(int n_rows) noexcept { length_ += n_rows; }

  std::span<Array> k() noexcept { return k_; }  // of each layer (n_kv_heads, capacity, head_dim)
  std::span<Array> v() noexcept { return v_; }

 private:
  void grow(std::vector<Array>& arrays, int capacity);

  KvShape shape_;
  const Stream& stream_;
  std::vector<Array> k_, v_;
  int length_ = 0;
  int capacity_ = 0;
};

}  // namespace fluxmlx::cache
