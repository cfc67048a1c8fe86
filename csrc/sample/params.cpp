#include "sample/params.h"

#include <cmath>

#include "base/error.h"

namespace fluxmlx::sample {
namespace {

// Written so that NaN fails every range.
void check_range(const char* name, float value, float low, float high) {
  if (value >= low && value <= high) return;
  fail(ErrorCode::invalid_argument, name, " is ", value, "; it must be a number from ", low, " to ", high);
}

void check_at_least(const char* name, int value, int low, const char* meaning) {
  if (value >= low) return;
  fail(ErrorCode::invalid_argument, name, " is ", value, "; it must be ", low, " or more", meaning);
}

void check_logit_bias(const Params& params, int64_t n_vocab) {
  if (params.logit_bias.size() > max_logit_bias_entries) {
    fail(ErrorCode::invalid_argument, "logit_bias has ", params.logit_bias.size(), " entries; the limit is ",
         max_logit_bias_entries);
  }
  for (const auto& [token, bias] : params.logit_bias) {
    if (token < 0 || token >= n_vocab) {
      fail(ErrorCode::invalid_argument, "logit_bias names token ", token, "; the vocabulary has the ids 0 to ",
           n_vocab - 1);
    }
    if (!(bias <= max_logit_bias)) {
      fail(ErrorCode::invalid_argument, "logit_bias of token ", token, " is ", bias, "; it must be a number up to ",
           max_logit_bias, " (-100 and below: the token is never chosen)");
    }
  }
}

}  // namespace

void validate(const Params& params, int64_t n_vocab) {
  if (n_vocab <= 0) fail(ErrorCode::invalid_argument, "n_vocab is ", n_vocab, "; it must be 1 or more");
  check_range("temperature", params.temperature, 0.0f, max_temperature);
  check_at_least("top_k", params.top_k, -1, " (0 and -1: off)");
  check_range("top_p", params.top_p, 0.0f, 1.0f);
  check_range("min_p", params.min_p, 0.0f, 1.0f);
  check_range("typical_p", params.typical_p, 0.0f, 1.0f);
  check_range("repeat_penalty", params.repeat_penalty, min_repeat_penalty, max_penalty);
  check_range("presence_penalty", params.presence_penalty, -max_penalty, max_penalty);
  check_range("frequency_penalty", params.frequency_penalty, -max_penalty, max_penalty);
  check_at_least("repeat_last_n", params.repeat_last_n, -1, " (-1: the whole context, 0: off)");
  if (params.n_logprobs < -1 || params.n_logprobs > max_logprobs) {
    fail(ErrorCode::invalid_argument, "n_logprobs is ", params.n_logprobs, "; it must be from 0 to ", max_logprobs,
         " (-1: none)");
  }
  check_logit_bias(params, n_vocab);
}

}  // namespace fluxmlx::sample
