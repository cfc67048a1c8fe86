#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

// OLMo 2 and 3. Norms after each part and none before; q and k are normed as whole rows. In OLMo 3 three of four
// layers have a window and were not stretched.
void describe(const Keys& keys, Config& config) {
  config.pre_norms = false;
  config.post_norms = true;
  config.head_norm = HeadNorm::all;
  if (!keys.has("attention.sliding_window")) return;
  const std::vector<bool> slides = read_windows(keys, config, 4);
  config.ropes.push_back(unstretched(config.ropes[0]));
  for (int i = 0; i < config.n_layers; ++i) config.layers[i].rope = slides[i] ? 1 : 0;
}

}  // namespace

const Family kOlmo2 = {"olmo2", describe};

}  // namespace fluxmlx::model
