#include <limits>

#include "cache/array_cache.h"
#include "ops/composed/ops.h"

namespace fluxmlx::ops {

Array ComposedOps::heads(const Array& x, const AttentionConfig& config, const Norm& norm) const {
  const Shape shape = {x.dim(0), x.dim(1) / config.head_dim, 1, config.head_dim};
  if (config.norms_all_heads) return mx::reshape(this->norm(x, norm), shape, stream_);
  return this->norm(mx::reshape(x, shape, stream_), norm);
}

// Each row is a batch entry of its own with one position, so rows of any sequences rotate together.
Array ComposedOps::rotate(const Array& x, const Step& step, int index) const {
  if (index < 0) return x;
  const Rope& rope = step.stack.ropes[index];
  const Array turned = mx::rope(x, rope.n_rot, rope.interleaved, step.positions, rope.wavelength, stream_);
  if (rope.magnitude == 1) return turned;
  std::vector<float> factors(static_cast<size_t>(x.dim(3)), 1.0f);
  std::fill_n(factors.begin(), rope.n_rot, rope.magnitude);
  return mx::multiply(turned, mx::astype(Array::from(factors, {x.dim(3)}), dtype_, stream_), stream_);
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

Array ComposedOps::window_mask(int window, int n_queries, int n_keys) const {
  const int n_past = n_keys - n_queries;
  std::vector<float> mask(static_cast<size_t>(n_queries) * static_cast<size_t>(n_keys));
  for (int i = 0; i < n_queries; ++i) {
    for (int j = 0; j < n_keys; ++j) {
      const bool seen = j <= n_past + i && (window == 0 || j > n_past + i - window);
      mask[static_cast<size_t>(i) * n_keys + j] = seen ? 0.0f : -std::numeric_limits<float>::infinity();
    }
  }
  return mx::astype(Array::from(mask, {n_queries, n_keys}), dtype_, stream_);
}

// MLX's own attention cannot cap scores. The query heads of one key/value head are an axis of their own.
Array ComposedOps::attend_capped(const AttentionConfig& config, const Array& q, const Array& k, const Array& v,
                                 const Array& mask) const {
  const int n_kv = config.n_kv_heads, group = config.n_heads / n_kv, n_queries = q.dim(2), n_keys = k.dim(2);
  const Array queries = mx::reshape(q, {n_kv, group, n_queries, config.head_dim}, stream_);
  const Array keys = mx::reshape(k, {n_kv, 1, n_keys, config.head_dim}, stream_);
  const Array values = mx::reshape(v, {n_kv, 1, n_keys, config.head_dim}, stream_);
  const Array scores = mx::matmul(scaled(queries, config.scale), mx::transpose(keys, {0, 1, 3, 2}, stream_), stream_);
  const Array weights = mx::softmax(mx::add(capped(scores, config.softcap), mask, stream_), stream_);
  return mx::reshape(mx::matmul(weights, values, stream_), q.shape(), stream_);
}

Array ComposedOps::attend(Step& step, const AttentionConfig& config, const Array& q, const Array& k,
                          const Array& v) const {
  const int n_queries = q.dim(2), n_keys = k.dim(2);
  const bool slides = config.window != 0 && n_keys > config.window;
  if (slides || config.softcap != 0) {
    Array& mask = step.masks[{config.window, n_queries, n_keys}];
    if (!mask) mask = window_mask(config.window, n_queries, n_keys);
    if (config.softcap != 0) return attend_capped(config, q, k, v, mask);
    return mx::attention(q, k, v, config.scale, false, mask, config.sinks, stream_);
  }
  return mx::attention(q, k, v, config.scale, /*causal=*/n_queries > 1, {}, config.sinks, stream_);
}

Array ComposedOps::attention(Step& step, int layer, const Array& q, const Array& k, const Array& v) const {
  const AttentionConfig& config = step.stack.layers[layer].attention;
  Array queries = rotate(heads(q, config, config.q_norm), step, config.rope);
  if (step.q_scale) queries = mx::multiply(queries, step.q_scale, stream_);
  const Array keys = rotate(heads(k, config, config.k_norm), step, config.rope);
  const Array values = mx::reshape(v, keys.shape(), stream_);
  std::vector<Array> outputs;
  for (const Rows& span : step.sequences) {
    const Array mine = mx::slice(queries, {span.begin, 0, 0, 0},
                                 {span.begin + span.count, config.n_heads, 1, config.head_dim}, stream_);
    auto& cache = static_cast<cache::ArrayCache&>(*span.cache);
    const Array all_k = append(cache.k(layer), keys, span);
    const Array all_v = append(cache.v(layer), values, span);
    const Array seen = attend(step, config, mx::transpose(mine, {2, 1, 0, 3}, stream_), all_k, all_v);
    const Array by_row = mx::transpose(seen, {0, 2, 1, 3}, stream_);
    outputs.push_back(mx::reshape(by_row, {span.count, config.n_heads * config.head_dim}, stream_));
  }
  return outputs.size() == 1 ? outputs[0] : mx::concatenate(outputs, 0, stream_);
}

std::unique_ptr<cache::KvStore> ComposedOps::make_store(const cache::KvShape& shape) const {
  return std::make_unique<cache::ArrayStore>(shape, stream_);
}

}  // namespace fluxmlx::ops
