#include "model/families/families.h"

namespace fluxmlx::model {

// Also Qwen2.5: the plain decoder; biases on q, k and v come as tensors.
const Family kQwen2 = {"qwen2", [](const Keys&, Config&) {}};

namespace {

// Weights are shares of all experts; one more expert takes every row.
void describe_qwen2moe(const Keys& keys, Config& config) {
  config.experts = read_experts(keys, config);
  config.experts.share_of_all = !keys.flag_or("expert_weights_norm", false);
  config.experts.n_ff_shared = keys.integer("expert_shared_feed_forward_length", 1, 1 << 20);
}

void describe_qwen3moe(const Keys& keys, Config& config) {
  config.head_norm = HeadNorm::each;
  config.experts = read_experts(keys, config);
}

}  // namespace

const Family kQwen2Moe = {"qwen2moe", describe_qwen2moe};
const Family kQwen3Moe = {"qwen3moe", describe_qwen3moe};

const Family kQwen3 = {"qwen3", [](const Keys&, Config& config) { config.head_norm = HeadNorm::each; }};

}  // namespace fluxmlx::model
