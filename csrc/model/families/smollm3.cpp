#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

// Every fourth layer knows nothing of positions.
void describe(const Keys&, Config& config) {
  config.ropes[0].interleaved = true;
  for (int i = 3; i < config.n_layers; i += 4) config.layers[i].rope = -1;
}

}  // namespace

const Family kSmollm3 = {"smollm3", describe};

}  // namespace fluxmlx::model
