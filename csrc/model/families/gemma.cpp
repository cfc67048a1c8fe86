#include <cmath>

#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

float square_root(int n) { return std::sqrt(static_cast<float>(n)); }

// The norms' weights stand in the file with the one that is added to them.
void describe_gemma(const Keys&, Config& config) {
  config.activation = ops::Activation::gelu_tanh;
  config.embedding_scale = square_root(config.n_embd);
}

// No key says it: the 27B models, by their number of layers, scale by the width that a head would have.
void scale_queries(Config& config, int n_layers_of_27b) {
  if (config.n_layers == n_layers_of_27b) config.attention_scale = 1 / square_root(config.n_embd / config.n_heads);
}

void describe_gemma2(const Keys& keys, Config& config) {
  describe_gemma(keys, config);
  config.post_norms = true;
  config.attention_softcap = keys.real_or("attn_logit_softcapping", 50, 0, 1e6);
  config.logits.softcap = keys.real_or("final_logit_softcapping", 30, 0, 1e6);
  scale_queries(config, 46);
  read_windows(keys, config, 2);
}

// Layers with a window turn with a base of their own, and were not stretched.
void describe_gemma3(const Keys& keys, Config& config) {
  describe_gemma(keys, config);
  config.post_norms = true;
  config.head_norm = HeadNorm::each;
  config.attention_softcap = keys.real_or("attn_logit_softcapping", 0, 0, 1e6);
  config.logits.softcap = keys.real_or("final_logit_softcapping", 0, 0, 1e6);
  scale_queries(config, 62);
  const std::vector<bool> slides = read_windows(keys, config, 6);
  RopePlan near = unstretched(config.ropes[0]);
  near.base = keys.real_or("rope.freq_base_swa", 10000, 1e-3, 1e15);
  config.ropes.push_back(near);
  for (int i = 0; i < config.n_layers; ++i) config.layers[i].rope = slides[i] ? 1 : 0;
}

}  // namespace

const Family kGemma = {"gemma", describe_gemma};
const Family kGemma2 = {"gemma2", describe_gemma2};
const Family kGemma3 = {"gemma3", describe_gemma3};

}  // namespace fluxmlx::model
