#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

// Phi-3, 3.5 and 4. Fused matrices; two lists of divisors for the rotation where the context was stretched.
void describe(const Keys& keys, Config& config) {
  config.fused_gate_up = true;
  RopePlan& rope = config.ropes[0];
  rope.has_long_divisors = rope.original_context > 0 && rope.original_context < config.n_ctx_train;
  const int window = keys.integer_or("attention.sliding_window", 0, 0, INT32_MAX);
  for (LayerPlan& layer : config.layers) layer.window = window;
}

}  // namespace

const Family kPhi3 = {"phi3", describe};

}  // namespace fluxmlx::model
