#include <cmath>

#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

float square_root(int n) { return std::sqrt(static_cast<float>(n)); }

// The norms' weights stand in the file with the one that is added to them.
void describe_gemma(const Keys&, Config& config) {
  config.activation = ops::Activation::gelu_tanh;
  config.wide_activations = true;
  config.embedding_scale = square_root(config.n_embd);
}

// Most files do not say it: the 27B models, by their number of layers, scale by the width that a head would have.
void scale_queries(const Keys& keys, Config& config, int n_layers_of_27b) {
  if (config.n_layers == n_layers_of_27b) config.attention_scale = 1 / square_root(config.n_embd / config.n_heads);
  config.attention_scale = keys.real_or("attention.scale", config.attention_scale, 1e-6, 1e6);
}

void describe_gemma2(const Keys& keys, Config& config) {
  describe_gemma(keys, config);
  config.post_norms = true;
  config.attention_softcap = keys.real_or("attn_logit_softcapping", 50, 0, 1e6);
  config.logits.softcap = keys.real_or("final_logit_softcapping", 30, 0, 1e6);
  scale_queries(keys, config, 46);
  read_windows(keys, config, 2);
}

// Files of Ollama's library call the bases by other names or leave them out, and with them the norms' epsilon and how
// the context was stretched; and their vocabulary has the tokens of images, which have no embedding here.
void fill_in(const Keys& keys, Config& config) {
  RopePlan& far = config.ropes[0];
  if (config.norm_eps < 0) config.norm_eps = 1e-6f;
  if (!keys.has("rope.freq_base")) far.base = keys.real_or("rope.global.freq_base", 1e6, 1e-3, 1e15);
  const bool is_stretched = keys.has("rope.scaling.type") || keys.has("rope.scaling.factor");
  if (!keys.has("rope.freq_base") && !is_stretched && config.n_ctx_train >= 1 << 17) far.factor = 8;
  config.has_spare_tokens = true;
}

// Layers with a window turn with a base of their own, and were not stretched.
void describe_gemma3(const Keys& keys, Config& config) {
  describe_gemma(keys, config);
  fill_in(keys, config);
  config.post_norms = true;
  config.head_norm = HeadNorm::each;
  config.attention_softcap = keys.real_or("attn_logit_softcapping", 0, 0, 1e6);
  config.logits.softcap = keys.real_or("final_logit_softcapping", 0, 0, 1e6);
  scale_queries(keys, config, 62);
  const std::vector<bool> slides = read_windows(keys, config, 6);
  RopePlan near = unstretched(config.ropes[0]);
  const char* name = keys.has("rope.freq_base_swa") ? "rope.freq_base_swa" : "rope.local.freq_base";
  near.base = keys.real_or(name, 10000, 1e-3, 1e15);
  config.ropes.push_back(near);
  for (int i = 0; i < config.n_layers; ++i) config.layers[i].rope = slides[i] ? 1 : 0;
}

}  // namespace

const Family kGemma = {"gemma", describe_gemma};
const Family kGemma2 = {"gemma2", describe_gemma2};
const Family kGemma3 = {"gemma3", describe_gemma3};

}  // namespace fluxmlx::model
