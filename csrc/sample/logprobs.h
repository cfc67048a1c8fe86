#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fluxmlx::sample {

struct TokenLogprob {
  int32_t token;
  float logprob;
};

struct Choice {
  int32_t token;
  float logprob;                  // natural logarithm; NaN where none was asked for
  std::vector<TokenLogprob> top;  // the most likely tokens, best first; may or may not hold the chosen one
};

// The log-probability of `token` and of the `n_top` most likely, by the model's own logits: before bias, penalties,
// temperature and truncation. It depends on the logits alone, see log_sum().
// logits: (n_vocab,). Throws Error(runtime) on NaN, +inf, or nothing but -inf.
Choice logprob_of(std::span<const float> logits, int32_t token, int n_top);

}  // namespace fluxmlx::sample
