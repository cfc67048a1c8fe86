#include "sample/logprobs.h"

#include <algorithm>

#include "base/error.h"
#include "sample/log_sum.h"
#include "sample/select.h"

namespace fluxmlx::sample {

Choice logprob_of(std::span<const float> logits, int32_t token, int n_top) {
  if (token < 0 || static_cast<size_t>(token) >= logits.size()) {
    fail(ErrorCode::invalid_argument, "token ", token, " has no logit; the vocabulary has the ids 0 to ",
         static_cast<int64_t>(logits.size()) - 1);
  }
  const float highest = logits[static_cast<size_t>(checked_argmax(logits))];
  const double shift = static_cast<double>(highest) + log_sum(logits, highest);
  const auto logprob = [shift](float logit) { return static_cast<float>(static_cast<double>(logit) - shift); };
  Choice choice{token, logprob(logits[static_cast<size_t>(token)]), {}};
  if (n_top <= 0) return choice;
  std::vector<Candidate> best;
  select_top(logits, n_top, best);
  std::sort(best.begin(), best.end(), better);
  for (const Candidate& candidate : best) choice.top.push_back({candidate.token, logprob(candidate.logit)});
  return choice;
}

}  // namespace fluxmlx::sample
