#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

// Both parts of a layer read one LayerNorm. Layers that see everything know nothing of positions.
void describe(const Keys& keys, Config& config) {
  config.norm_centred = true;
  config.parallel = true;
  config.ropes[0].interleaved = true;
  config.logits.scale = keys.real_or("logit_scale", 1, 1e-6, 1e6);
  const std::vector<bool> slides = read_windows(keys, config, 4);
  for (int i = 0; i < config.n_layers; ++i) config.layers[i].rope = slides[i] ? 0 : -1;
}

}  // namespace

const Family kCohere2 = {"cohere2", describe};

}  // namespace fluxmlx::model
