#include "cache/array_cache.h"
#include "ops/composed/ops.h"

namespace fluxmlx::ops {

Array ComposedOps::rope_positions(const Rope&, const Array& positions) const { return positions; }

// Each row is a batch entry of its own with one position, so rows of any sequences rotate together.
Array ComposedOps::heads(const Array& x, int n_heads, const AttentionConfig& config, const Norm& norm, bool rotate,
                         const Array& positions) const {
  Array split = mx::reshape(x, {x.dim(0), n_heads, 1, config.head_dim}, stream_);
  if (norm.weight) split = mx::rms_norm(split, norm.weight, norm.eps, stream_);
  if (!rotate) return split;
  return mx::rope(split, config.rope.n_rot, config.rope.interleaved, positions, config.rope.wavelength, stream_);
}

// Writes the new rows behind the old ones and returns the positions of this sequence so far.
Array ComposedOps::append(Array& cache, const Array& rows, const Rows& span) const {
  const int n_heads = cache.dim(0);
  const int head_dim = cache.dim(2);
  const int n_past = span.cache->length(), end = n_past + span.count;
  const Array mine = mx::slice(rows, {span.begin, 0, 0, 0}, {span.begin + span.count, n_heads, 1, head_dim}, stream_);
  const Array by_head =
      mx::reshape(mx::transpose(mine, {2, 1, 0, 3}, stream_), {n_heads, span.count, head_dim}, stream_);
  const Array stored = mx::astype(by_head, cache.dtype(), stream_);
  const Array old = std::move(cache);  // the only reference goes into the graph, so MLX may write in place
  cache = mx::slice_update(old, stored, {0, n_past, 0}, {n_heads, end, head_dim}, stream_);
  const Array seen = mx::slice(cache, {0, 0, 0}, {n_heads, end, head_dim}, stream_);
  return mx::astype(mx::reshape(seen, {1, n_heads, end, head_dim}, stream_), dtype_, stream_);
}

Array ComposedOps::attention(const AttentionConfig& config, int layer, const Array& q, const Array& k, const Array& v,
                             const Array& rope_positions, std::span<const Rows> sequences) const {
  const Array queries = heads(q, config.n_heads, config, config.q_norm, true, rope_positions);
  const Array keys = heads(k, config.n_kv_heads, config, config.k_norm, true, rope_positions);
  const Array values = heads(v, config.n_kv_heads, config, Norm{}, false, rope_positions);
  std::vector<Array> outputs;
  for (const Rows& span : sequences) {
    const Array mine = mx::slice(queries, {span.begin, 0, 0, 0},
                                 {span.begin + span.count, config.n_heads, 1, config.head_dim}, stream_);
    auto& cache = static_cast<cache::ArrayCache&>(*span.cache);
    const Array all_k = append(cache.k(layer), keys, span);
    const Array all_v = append(cache.v(layer), values, span);
    const Array seen = mx::attention(mx::transpose(mine, {2, 1, 0, 3}, stream_), all_k, all_v, config.scale,
                                     /*causal=*/span.count > 1, stream_);
    const Array by_row = mx::transpose(seen, {0, 2, 1, 3}, stream_);
    outputs.push_back(mx::reshape(by_row, {span.count, config.n_heads * config.head_dim}, stream_));
  }
  return outputs.size() == 1 ? outputs[0] : mx::concatenate(outputs, 0, stream_);
}

std::unique_ptr<cache::KvStore> ComposedOps::make_store(const cache::KvShape& shape) const {
  return std::make_unique<cache::ArrayStore>(shape, stream_);
}

}  // namespace fluxmlx::ops
