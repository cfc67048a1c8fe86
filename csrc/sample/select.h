#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fluxmlx::sample {

struct Candidate {
  float logit;
  int32_t token;
};

// The order of every choice: the higher logit first, and of equal ones the lower id.
inline bool better(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

// The id of the largest logit, the lowest of equal ones; -1 if all are -inf. Throws Error(runtime) on NaN and +inf.
int32_t argmax(std::span<const float> logits);

// As argmax, for logits as they come from the model: all -inf is an error too.
int32_t checked_argmax(std::span<const float> logits);

// The k best of all logits that are not -inf, by id. k <= 0: all of them. None of them is NaN: argmax() has looked.
void select_top(std::span<const float> logits, int64_t k, std::vector<Candidate>& out);

}  // namespace fluxmlx::sample
