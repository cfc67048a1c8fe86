#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fluxmlx::sample {

// What one request asks of the sampler. docs/sampling.md says what each value does, and in which order.
struct Params {
  float temperature = 0.8f;  // 0: the most likely token
  int top_k = 40;            // 0 or -1: off
  float top_p = 0.95f;       // 1: off
  float min_p = 0.05f;       // 0: off
  float typical_p = 1.0f;    // 1: off
  float repeat_penalty = 1.0f;
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  int repeat_last_n = 64;  // tokens that the three penalties look back; -1: all, 0: off
  uint64_t seed = 0;
  std::vector<std::pair<int32_t, float>> logit_bias;  // added to the logit; -100 and below: never chosen
  int n_logprobs = -1;                                // -1: none, 0: of the chosen token, n: of the n most likely too
};

inline constexpr float max_temperature = 100.0f;
inline constexpr float min_repeat_penalty = 0.01f;
inline constexpr float max_penalty = 100.0f;
inline constexpr float max_logit_bias = 1e6f;
inline constexpr float ban_logit_bias = -100.0f;
inline constexpr size_t max_logit_bias_entries = 1024;
inline constexpr int max_logprobs = 1024;

// Throws Error(invalid_argument) that names the parameter, its value and the range.
void validate(const Params& params, int64_t n_vocab);

}  // namespace fluxmlx::sample
