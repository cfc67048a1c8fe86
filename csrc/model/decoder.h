#pragma once

#include <memory>
#include <vector>

#include "cache/kv_cache.h"
#include "load/loader.h"
#include "model/config.h"
#include "ops/ops.h"

namespace fluxmlx::model {

struct Layer {
  ops::Norm attention_norm;
  std::vector<ops::Linear> qkv;  // (n_heads * head_dim, n_embd), twice (n_kv_heads * head_dim, n_embd)
  ops::AttentionConfig attention;
  ops::Linear output;  // (n_embd, n_heads * head_dim)
  ops::Norm ffn_norm;
  ops::Weight gate, up;  // (n_ff, n_embd)
  ops::Linear down;      // (n_embd, n_ff)
};

struct Weights {
  ops::Weight embedding;  // (n_vocab, n_embd)
  std::vector<Layer> layers;
  ops::Norm output_norm;
  ops::Linear head;  // (n_vocab, n_embd); the embedding where the file has none
  ops::Rope rope;
};

Weights load_weights(const Config& config, load::Loader& loader);

// The rows of one step: those of one sequence are consecutive, and continue what its cache holds.
struct Batch {
  struct Entry {
    cache::KvCache* cache;
    int begin;
    int count;
  };
  std::vector<int32_t> tokens;     // (T,)
  std::vector<int32_t> positions;  // (T,)
  std::vector<Entry> entries;

  void add(cache::KvCache& cache, std::span<const int32_t> new_tokens);
};

// A pre-norm decoder with rotary positions, grouped-query attention and a gated feed-forward part. Shared by
// all sequences; the only state it touches is in the caches of the batch.
class Decoder {
 public:
  Decoder(Config config, Weights weights, std::shared_ptr<const ops::Ops> ops)
      : config_(config), weights_(std::move(weights)), ops_(std::move(ops)) {}

  const Config& config() const noexcept { return config_; }
  const ops::Ops& ops() const noexcept { return *ops_; }

  // -> (T, n_embd), before the last norm. The caches hold the new rows once the result is evaluated.
  Array forward(const Batch& batch) const;

  // rows: indices into the T rows of `hidden` -> (len(rows), n_vocab) float32.
  Array logits(const Array& hidden, std::span<const int32_t> rows) const;

 private:
  Array layer(const Layer& layer, int index, const Array& x, const Array& rope, const Batch& batch) const;

  Config config_;
  Weights weights_;
  std::shared_ptr<const ops::Ops> ops_;
};

}  // namespace fluxmlx::model
