#include "sample/penalties.h"

#include <algorithm>
#include <limits>

namespace fluxmlx::sample {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// Keeps a finite logit finite: only a ban may make one infinite.
float to_logit(double value) {
  constexpr double limit = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -limit, limit));
}

float penalised(const Params& params, float logit, int32_t count) {
  if (logit == -infinity) return logit;
  const double factor = params.repeat_penalty;
  const double scaled = logit > 0 ? logit / factor : logit * factor;
  return to_logit(scaled - (count * static_cast<double>(params.frequency_penalty) + params.presence_penalty));
}

std::span<const int32_t> window(std::span<const int32_t> history, int last_n) {
  const size_t n = last_n < 0 ? history.size() : std::min(history.size(), static_cast<size_t>(last_n));
  return history.last(n);
}

bool is_token(int32_t token, size_t n_vocab) { return token >= 0 && static_cast<size_t>(token) < n_vocab; }

}  // namespace

bool has_penalties(const Params& params) noexcept {
  return params.repeat_last_n != 0 &&
         (params.repeat_penalty != 1 || params.presence_penalty != 0 || params.frequency_penalty != 0);
}

void apply_bias(const Params& params, std::span<float> logits) {
  for (const auto& [token, bias] : params.logit_bias) {
    float& logit = logits[static_cast<size_t>(token)];
    if (bias <= ban_logit_bias) {
      logit = -infinity;
    } else if (logit != -infinity) {
      logit = to_logit(static_cast<double>(logit) + bias);
    }
  }
}

void apply_penalties(const Params& params, std::span<const int32_t> history, std::span<float> logits,
                     std::span<int32_t> counts) {
  const auto recent = window(history, params.repeat_last_n);
  for (const int32_t token : recent) {
    if (is_token(token, logits.size())) ++counts[static_cast<size_t>(token)];
  }
  for (const int32_t token : recent) {
    if (!is_token(token, logits.size())) continue;
    int32_t& count = counts[static_cast<size_t>(token)];
    float& logit = logits[static_cast<size_t>(token)];
    if (count > 0) logit = penalised(params, logit, count);
    count = 0;
  }
}

void apply_ban(std::span<const int32_t> banned, std::span<float> logits) {
  for (const int32_t token : banned) {
    if (is_token(token, logits.size())) logits[static_cast<size_t>(token)] = -infinity;
  }
}

}  // namespace fluxmlx::sample
