#pragma once

#include <memory>
#include <vector>

#include "load/loader.h"
#include "model/batch.h"
#include "model/config.h"
#include "ops/ops.h"

namespace fluxmlx::model {

struct Weights {
  ops::Weight embedding;  // (n_vocab, n_embd)
  ops::LayerStack stack;
  ops::Norm output_norm;
  ops::Linear head;  // (n_vocab, n_embd); the embedding where the file has none
};

// For contexts of n_ctx positions.
Weights load_weights(const Config& config, load::Loader& loader, int n_ctx);

// From tokens to logits. Shared by all sequences; the only state it touches is in the caches of the batch.
class Decoder {
 public:
  Decoder(Config config, Weights weights, std::shared_ptr<const ops::Ops> ops);

  const Config& config() const noexcept { return config_; }
  const ops::Ops& ops() const noexcept { return *ops_; }

  // -> (T, n_embd), before the last norm. The caches hold the new rows once the result is evaluated.
  Array forward(const Batch& batch) const;

  // rows: indices into the T rows of `hidden` -> (len(rows), n_vocab) float32.
  Array logits(const Array& hidden, std::span<const int32_t> rows) const;

  // The same rows behind the last norm -> (len(rows), n_embd) float32: what the head reads, and what embeddings are of.
  Array normed(const Array& hidden, std::span<const int32_t> rows) const;

 private:
  Array chosen(const Array& hidden, std::span<const int32_t> rows) const;
  Array to_floats(const Array& x) const;

  Config config_;
  std::shared_ptr<const ops::Ops> ops_;
  ops::Weight embedding_;
  std::unique_ptr<ops::Stack> layers_;
  ops::Norm output_norm_;
  ops::Linear head_;
};

}  // namespace fluxmlx::model
