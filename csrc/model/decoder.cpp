#include "model/decoder.h"

#include "array/functions.h"

namespace fluxmlx::model {

void Batch::add(cache::KvCache& cache, std::span<const int32_t> new_tokens) {
  entries.push_back({&cache, static_cast<int>(tokens.size()), static_cast<int>(new_tokens.size())});
  tokens.insert(tokens.end(), new_tokens.begin(), new_tokens.end());
  for (size_t i = 0; i < new_tokens.size(); ++i) positions.push_back(cache.length() + static_cast<int32_t>(i));
}

Array Decoder::layer(const Layer& layer, int index, const Array& x, const Array& rope, const Batch& batch) const {
  const std::vector<Array> qkv = ops_->norm_linear(x, layer.attention_norm, layer.qkv);
  std::vector<ops::Rows> rows;
  for (const Batch::Entry& entry : batch.entries) {
    rows.push_back({entry.begin, entry.count, entry.cache->length(), &entry.cache->k(index), &entry.cache->v(index)});
  }
  const Array attended = ops_->attention(layer.attention, qkv[0], qkv[1], qkv[2], rope, rows);
  const Array mixed = ops_->linear_add(attended, layer.output, x);
  const Array gated = ops_->norm_gated(mixed, layer.ffn_norm, layer.gate, layer.up, config_.family->activation);
  return ops_->linear_add(gated, layer.down, mixed);
}

Array Decoder::forward(const Batch& batch) const {
  for (const Batch::Entry& entry : batch.entries) entry.cache->reserve(entry.cache->length() + entry.count);
  Array x = ops_->embedding(weights_.embedding, Array::from(batch.tokens));  // (T, n_embd)
  const Array rope = ops_->rope_positions(weights_.rope, Array::from(batch.positions));
  for (int i = 0; i < config_.n_layers; ++i) x = layer(weights_.layers[i], i, x, rope, batch);
  for (const Batch::Entry& entry : batch.entries) entry.cache->advance(entry.count);
  return x;
}

Array Decoder::logits(const Array& hidden, std::span<const int32_t> rows) const {
  const bool all = static_cast<int>(rows.size()) == hidden.dim(0);
  const Array chosen = all ? hidden : mx::take(hidden, Array::from(rows), 0, ops_->stream());
  const Array scores = ops_->norm_linear(chosen, weights_.output_norm, std::span(&weights_.head, 1))[0];
  return mx::contiguous(mx::astype(scores, MLX_FLOAT32, ops_->stream()), ops_->stream());
}

}  // namespace fluxmlx::model
