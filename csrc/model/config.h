#pragma once

#include <string>
#include <vector>

#include "model/keys.h"
#include "model/rope.h"
#include "ops/ops.h"

namespace fluxmlx::model {

struct Config;

// An architecture. The shape of a plain pre-norm decoder with rotary positions, grouped-query attention and a gated
// feed-forward part is read for all of them; `describe` says what this one does otherwise.
struct Family {
  const char* name;  // general.architecture
  void (*describe)(const Keys& keys, Config& config);
};

const Family* find_family(const std::string& architecture);
std::vector<std::string> family_names();

// What differs from layer to layer.
struct LayerPlan {
  int window = 0;  // positions that a query sees, itself included; 0: all
  int rope = 0;    // of Config::ropes; negative: no rotation
};

// A mixture of experts in place of the feed-forward part.
struct ExpertPlan {
  int n = 0;  // none
  int n_used = 0;
  int n_ff = 0;
  int n_ff_shared = 0;        // of one more expert that all rows go to; 0: none
  bool share_of_all = false;  // weights are shares of all experts, else of the chosen
};

enum class HeadNorm { none, each, all };  // of q and k: each head by itself, or all heads of a row together

// The shape of a decoder: read once from the metadata, checked, never changed.
struct Config {
  const Family* family = nullptr;
  int n_layers = 0;
  int n_embd = 0;
  int n_ff = 0;
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  int n_vocab = 0;
  bool has_spare_tokens = false;  // the vocabulary may name more tokens than there are embeddings
  int n_ctx_train = 0;
  float norm_eps = 0;

  std::vector<RopePlan> ropes;
  std::vector<LayerPlan> layers;
  ExpertPlan experts;

  bool norm_centred = false;  // LayerNorm instead of RMS norm
  bool pre_norms = true;
  bool post_norms = false;            // of what attention and the feed-forward part add
  const char* ffn_norm = "ffn_norm";  // the tensor of the norm before the feed-forward part
  bool parallel = false;              // attention and feed-forward part read the same norm of the same row
  HeadNorm head_norm = HeadNorm::none;
  bool sinks = false;          // of attention
  bool fused_gate_up = false;  // gate and up are one matrix
  ops::Activation activation = ops::Activation::silu;

  bool wide_activations = false;  // what layers leave grows beyond float16
  float attention_scale = 0;
  float attention_softcap = 0;  // 0: none
  ops::QueryScale query_scale;
  float embedding_scale = 1;
  float residual_scale = 1;
  ops::LogitScale logits;

  static Config from_metadata(const gguf::Metadata& metadata, uint64_t n_vocab_rows);
};

// The experts that the keys speak of, if they do.
ExpertPlan read_experts(const Keys& keys, const Config& config);

// Layers of a window and those without take turns, as the file's key says, or else with this period, of which the last
// layer is without. -> which layers have one.
std::vector<bool> read_windows(const Keys& keys, Config& config, int period);

}  // namespace fluxmlx::model
