#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

// A multiplier wherever something is added or scaled.
void describe(const Keys& keys, Config& config) {
  config.ropes[0].interleaved = true;
  config.embedding_scale = keys.real_or("embedding_scale", 1, 1e-6, 1e6);
  config.residual_scale = keys.real_or("residual_scale", 1, 1e-6, 1e6);
  config.attention_scale = keys.real_or("attention.scale", config.attention_scale, 1e-6, 1e6);
  config.logits.scale = 1 / keys.real_or("logit_scale", 1, 1e-6, 1e6);
}

}  // namespace

const Family kGranite = {"granite", describe};

}  // namespace fluxmlx::model
