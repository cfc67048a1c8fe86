#include "model/families/families.h"

namespace fluxmlx::model {

namespace {

// Llama 2 and 3, Mistral, SmolLM2, TinyLlama, Yi: the plain decoder, pairs of a head next to each other. With experts:
// Mixtral. The first Mistral has a window in every layer.
void describe(const Keys& keys, Config& config) {
  config.ropes[0].interleaved = true;
  config.experts = read_experts(keys, config);
  const int window = keys.integer_or("attention.sliding_window", 0, 0, INT32_MAX);
  for (LayerPlan& layer : config.layers) layer.window = window;
}

}  // namespace

const Family kLlama = {"llama", describe};

}  // namespace fluxmlx::model
