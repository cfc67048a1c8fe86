#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "ops/weights.h"

namespace fluxmlx::ops {

// Of gate g and up u: silu(g) u, gelu(g) u, and min(g, 7) logistic(1.702 min(g, 7)) (1 + u) with u between -7 and 7.
enum class Activation { silu, gelu_tanh, clamped };

struct AttentionConfig {
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  float scale = 1;
  float softcap = 0;             // scores become softcap * tanh(score / softcap); 0: they stay
  int window = 0;                // positions that a query sees, itself included; 0: all before it
  int rope = 0;                  // of LayerStack::ropes; negative: no rotation
  Norm q_norm, k_norm;           // before the rotation; empty weight: none
  bool norms_all_heads = false;  // of a row together, else each by itself
  Array sinks;  // (n_heads,): each head has one more score that takes weight and gives nothing; or empty
};

// A router's choice of several feed-forward parts, each with a weight.
struct Experts {
  int n = 0;  // none
  int n_used = 0;
  bool share_of_all = false;  // weights are shares of all experts, else of the chosen
  Linear router;              // (n, n_embd)
  Linear gate, up;            // n matrices (n_ff, n_embd), one after the other
  Linear down;                // n matrices (n_embd, n_ff)
  bool has_shared = false;    // the layer's own gate, up and down are one more expert
  Linear shared_router;       // (1, n_embd), whose logistic is its weight
};

// One layer: attention, and a gated feed-forward part. Each may have a norm before it, and one of what it adds.
struct Layer {
  Norm attention_norm;      // empty weight: none
  std::vector<Linear> qkv;  // (n_heads * head_dim, n_embd), twice (n_kv_heads * head_dim, n_embd)
  AttentionConfig attention;
  Linear output;  // (n_embd, n_heads * head_dim)
  Norm attention_post_norm;
  Norm ffn_norm;
  Linear gate, up;  // (n_ff, n_embd)
  Activation activation = Activation::silu;
  Linear down;  // (n_embd, n_ff)
  Experts experts;
  Norm ffn_post_norm;
  bool parallel = false;     // the feed-forward part reads what attention reads, not what it left
  float residual_scale = 1;  // of what each part adds
};

// Queries behind `length` positions are multiplied with 1 + beta ln(1 + floor(position / length)).
struct QueryScale {
  float beta = 0;
  int length = 1;
};

inline float query_scale(const QueryScale& scale, int32_t position) {
  return 1 + scale.beta * std::log(1 + static_cast<float>(position / scale.length));
}

struct LayerStack {
  std::vector<Layer> layers;
  std::vector<Rope> ropes;
  QueryScale query_scale;
};

// logits = softcap * tanh(scale * x / softcap); without softcap, scale * x.
struct LogitScale {
  float scale = 1;
  float softcap = 0;
};

}  // namespace fluxmlx::ops
