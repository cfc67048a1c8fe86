#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

// Sinks, biases everywhere, a window in every other layer, experts with a clamped activation. YaRN's ramp does not
// begin at a whole pair.
void describe(const Keys& keys, Config& config) {
  config.ropes = {read_rope(keys, config.head_dim, true)};
  config.sinks = true;
  config.wide_activations = true;
  config.ffn_norm = "post_attention_norm";
  config.activation = ops::Activation::clamped;
  config.experts = read_experts(keys, config);
  read_windows(keys, config, 2);
}

}  // namespace

const Family kGptOss = {"gpt-oss", describe};

}  // namespace fluxmlx::model
