#pragma once

#include <vector>

#include "ops/weights.h"

namespace fluxmlx::ops {

enum class Activation { silu, gelu_tanh };

struct AttentionConfig {
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  float scale = 1;
  Norm q_norm;  // of each head before the rotation; empty weight: none
  Norm k_norm;
  Rope rope;
};

// One layer of a pre-norm decoder with rotary positions, grouped-query attention and a gated feed-forward part.
struct Layer {
  Norm attention_norm;
  std::vector<Linear> qkv;  // (n_heads * head_dim, n_embd), twice (n_kv_heads * head_dim, n_embd)
  AttentionConfig attention;
  Linear output;  // (n_embd, n_heads * head_dim)
  Norm ffn_norm;
  Weight gate, up;  // (n_ff, n_embd)
  Activation activation = Activation::silu;
  Linear down;  // (n_embd, n_ff)
};

}  // namespace fluxmlx::ops
