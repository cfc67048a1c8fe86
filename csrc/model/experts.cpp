#include "base/error.h"
#include "model/config.h"

namespace fluxmlx::model {
namespace {

constexpr int kSoftmax = 1, kSoftmaxOfChosen = 3;  // expert_gating_func; 0 says nothing

}  // namespace

ExpertPlan read_experts(const Keys& keys, const Config& config) {
  ExpertPlan plan;
  plan.n = keys.integer_or("expert_count", 0, 0, 1 << 16);
  if (plan.n == 0) return plan;
  plan.n_used = keys.integer("expert_used_count", 1, plan.n);
  plan.n_ff = keys.integer_or("expert_feed_forward_length", config.n_ff, 1, 1 << 20);
  const int gating = keys.integer_or("expert_gating_func", 0, 0, 255);
  if (gating != 0 && gating != kSoftmax && gating != kSoftmaxOfChosen) {
    keys.unsupported("expert_gating_func", concat("is ", gating), "1 and 3 (softmax)");
  }
  const float scale = keys.real_or("expert_weights_scale", 1, 0, 1e6);
  if (scale != 0 && scale != 1) keys.unsupported("expert_weights_scale", concat("is ", scale), "1");
  if (keys.integer_or("expert_group_count", 0, 0, 1 << 16) > 1) {
    keys.unsupported("expert_group_count", "is more than one", "one group of experts");
  }
  plan.share_of_all = !keys.flag_or("expert_weights_norm", true);
  return plan;
}

}  // namespace fluxmlx::model
