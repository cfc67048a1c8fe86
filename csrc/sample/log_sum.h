#pragma once

#include <span>

namespace fluxmlx::sample {

// log(sum(exp(logits - highest))), for a vocabulary of any size within 1e-7 of its value in double. By operations that
// IEEE 754 defines and in one order, so that it has the same bits everywhere but for the final logarithm.
// logits: (n_vocab,), none above `highest` and none NaN; `highest` is one of them and finite.
double log_sum(std::span<const float> logits, float highest);

}  // namespace fluxmlx::sample
