#include "sample/sampler.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "sample/penalties.h"
#include "sample/random.h"

namespace fluxmlx::sample {
namespace {

int32_t draw(const Distribution& distribution, double uniform) {
  const double target = uniform * distribution.total;
  double sum = 0;
  size_t last = 0;  // rounding may leave the target above the sum: the last token of any weight takes it
  for (size_t i = 0; i < distribution.weights.size(); ++i) {
    if (distribution.weights[i] == 0) continue;
    sum += distribution.weights[i];
    last = i;
    if (sum > target) break;
  }
  return distribution.candidates[last].token;
}

[[noreturn]] void fail_nothing_left(size_t n_vocab) {
  fail(ErrorCode::invalid_argument, "no token is left to choose: logit_bias and the banned ids exclude all ", n_vocab,
       " that the model allows; ban fewer");
}

}  // namespace

Sampler::Sampler(Params params, int64_t n_vocab) : params_(std::move(params)), n_vocab_(static_cast<size_t>(n_vocab)) {
  validate(params_, n_vocab);
  if (has_penalties(params_)) counts_.assign(n_vocab_, 0);
}

std::span<const float> Sampler::adjust(std::span<const float> logits, std::span<const int32_t> history,
                                       std::span<const int32_t> banned) {
  const bool penalise = !counts_.empty() && !history.empty();
  if (params_.logit_bias.empty() && !penalise && banned.empty()) return logits;
  adjusted_.assign(logits.begin(), logits.end());
  apply_bias(params_, adjusted_);
  if (penalise) apply_penalties(params_, history, adjusted_, counts_);
  apply_ban(banned, adjusted_);
  return adjusted_;
}

void Sampler::truncate(std::span<const float> logits) {
  auto& candidates = distribution_.candidates;
  select_top(logits, params_.top_k, candidates);
  keep_typical(candidates, params_.typical_p, ranked_);
  keep_top_p(candidates, params_.top_p, ranked_);
  keep_min_p(candidates, params_.min_p);
}

void Sampler::weigh() {
  const double highest = highest_logit(distribution_.candidates);
  const double temperature = params_.temperature;
  const size_t n = distribution_.candidates.size();
  distribution_.weights.resize(n);
  distribution_.total = 0;
  for (size_t i = 0; i < n; ++i) {
    const double below = static_cast<double>(distribution_.candidates[i].logit) - highest;
    distribution_.weights[i] = std::exp(below / temperature);
    distribution_.total += distribution_.weights[i];
  }
}

const Distribution& Sampler::distribution(std::span<const float> logits, std::span<const int32_t> history,
                                          std::span<const int32_t> banned) {
  if (logits.size() != n_vocab_) {
    fail(ErrorCode::runtime, "the sampler got ", logits.size(), " logits for a vocabulary of ", n_vocab_);
  }
  int32_t best = checked_argmax(logits);
  const auto adjusted = adjust(logits, history, banned);
  if (adjusted.data() != logits.data()) best = argmax(adjusted);
  if (best < 0) fail_nothing_left(n_vocab_);
  if (params_.temperature > 0) {
    truncate(adjusted);
    weigh();
  } else {
    distribution_.candidates.assign(1, {adjusted[static_cast<size_t>(best)], best});
    distribution_.weights.assign(1, 1.0);
    distribution_.total = 1;
  }
  return distribution_;
}

Choice Sampler::sample(std::span<const float> logits, std::span<const int32_t> history, uint64_t position,
                       std::span<const int32_t> banned) {
  const int32_t token = draw(distribution(logits, history, banned), uniform(params_.seed, position, 0));
  if (params_.n_logprobs >= 0) return logprob_of(logits, token, params_.n_logprobs);
  return {token, std::numeric_limits<float>::quiet_NaN(), {}};
}

}  // namespace fluxmlx::sample
