#pragma once

#include "kernels/body/norm.h"
#include "kernels/body/rope.h"
#include "kernels/kernels.h"

// The way of new heads into the cache, and of cached rows back into floats.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline int64_t cache_offset(const Attention& args, const Sequence& sequence, int kv_head, int64_t position) {
  return (kv_head * sequence.capacity + position) * args.head_dim;
}

inline void write_cache(CacheType type, const float* x, int64_t n, void* cache, int64_t offset) {
  if (type == CacheType::f32) {
    for (int64_t i = 0; i < n; i += 8) store(static_cast<float*>(cache) + offset + i, load(x + i));
  } else {
    for (int64_t i = 0; i < n; i += 8) store_half(static_cast<uint16_t*>(cache) + offset + i, load(x + i));
  }
}

inline void read_cache(CacheType type, const void* cache, int64_t offset, int64_t n, float* y) {
  if (type == CacheType::f32) {
    for (int64_t i = 0; i < n; i += 8) store(y + i, load(static_cast<const float*>(cache) + offset + i));
  } else {
    for (int64_t i = 0; i < n; i += 8) store(y + i, load_half(static_cast<const uint16_t*>(cache) + offset + i));
  }
}

// Norm (if any) and rotation (if any) of one head; x and y may be the same memory.
inline void position_head(const Attention& args, int64_t token, const float* x, const float* norm, float* y) {
  if (norm != nullptr) {
    rms_norm(x, args.head_dim, norm, args.norm_eps, y);
  } else if (x != y) {
    for (int i = 0; i < args.head_dim; i += 8) store(y + i, load(x + i));
  }
  if (args.rope != nullptr) rotate(args.rope + token * args.n_rot, args.n_rot, args.rope_interleaved, y);
}

// One new row: its queries go to q_rotated, its keys and values to the caches. head holds head_dim floats.
inline void attention_append(const Attention& args, const Sequence& sequence, int64_t row, float* head) {
  const int64_t token = sequence.row_begin + row;
  const int64_t dim = args.head_dim;
  for (int h = 0; h < args.n_heads; ++h) {
    const int64_t offset = (token * args.n_heads + h) * dim;
    position_head(args, token, args.q + offset, args.q_norm, args.q_rotated + offset);
  }
  for (int h = 0; h < args.n_kv_heads; ++h) {
    const int64_t offset = (token * args.n_kv_heads + h) * dim;
    const int64_t cached = cache_offset(args, sequence, h, sequence.n_past + row);
    position_head(args, token, args.k + offset, args.k_norm, head);
    write_cache(args.cache_type, head, dim, sequence.k_cache, cached);
    write_cache(args.cache_type, args.v + offset, dim, sequence.v_cache, cached);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
