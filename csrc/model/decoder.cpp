#include "model/decoder.h"

#include "array/functions.h"

namespace fluxmlx::model {

Decoder::Decoder(Config config, Weights weights, std::shared_ptr<const ops::Ops> ops)
    : config_(std::move(config)),
      ops_(std::move(ops)),
      embedding_(std::move(weights.embedding)),
      layers_(ops_->stack(std::move(weights.stack))),
      output_norm_(std::move(weights.output_norm)),
      head_(std::move(weights.head)) {}

Array Decoder::forward(const Batch& batch) const {
  std::vector<ops::Rows> rows;
  for (const auto& [cache, begin, count] : batch.entries) {
    cache->reserve(cache->length() + count);
    rows.push_back({begin, count, cache});
  }
  const Array x = ops_->embedding(embedding_, Array::from(batch.tokens), config_.embedding_scale);  // (T, n_embd)
  const Array result = layers_->run(x, batch.positions, rows);
  for (const Batch::Entry& entry : batch.entries) entry.cache->advance(entry.count);
  return result;
}

Array Decoder::chosen(const Array& hidden, std::span<const int32_t> rows) const {
  const bool all = static_cast<int>(rows.size()) == hidden.dim(0);
  return all ? hidden : mx::take(hidden, Array::from(rows), 0, ops_->stream());
}

Array Decoder::to_floats(const Array& x) const {
  return mx::contiguous(mx::astype(x, MLX_FLOAT32, ops_->stream()), ops_->stream());
}

Array Decoder::logits(const Array& hidden, std::span<const int32_t> rows) const {
  return to_floats(ops_->head(chosen(hidden, rows), output_norm_, head_, config_.logits));
}

Array Decoder::normed(const Array& hidden, std::span<const int32_t> rows) const {
  return to_floats(ops_->norm(chosen(hidden, rows), output_norm_));
}

}  // namespace fluxmlx::model
