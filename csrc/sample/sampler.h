#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sample/logprobs.h"
#include "sample/params.h"
#include "sample/truncate.h"

namespace fluxmlx::sample {

// The tokens that may still be drawn, by id, and their weights; the probability of one is its weight / total.
struct Distribution {
  std::vector<Candidate> candidates;
  std::vector<double> weights;
  double total = 0;
};

// Chooses the tokens of one request. Holds no state of the sequence but scratch memory that it uses again: the choice
// depends on the arguments alone. docs/sampling.md has the order of the steps.
class Sampler {
 public:
  Sampler(Params params, int64_t n_vocab);  // validates

  // logits: (n_vocab,), as the model made them. history: prompt and generated tokens, oldest first. position: index of
  // the token being chosen, counted from the sequence's start. banned: tokens that this call may not choose.
  // Throws Error(runtime) on non-finite logits, Error(invalid_argument) where bias and ban leave no token.
  Choice sample(std::span<const float> logits, std::span<const int32_t> history, uint64_t position,
                std::span<const int32_t> banned = {});

  // What sample() draws from; valid until the next call. One token of weight 1 where the choice is greedy.
  const Distribution& distribution(std::span<const float> logits, std::span<const int32_t> history,
                                   std::span<const int32_t> banned = {});

  const Params& params() const noexcept { return params_; }

 private:
  std::span<const float> adjust(std::span<const float> logits, std::span<const int32_t> history,
                                std::span<const int32_t> banned);
  void truncate(std::span<const float> logits);
  void weigh();

  Params params_;
  size_t n_vocab_;
  std::vector<float> adjusted_;  // (n_vocab,) where anything adjusts the logits
  std::vector<int32_t> counts_;  // (n_vocab,) zeros between calls, where there are penalties
  std::vector<Ranked> ranked_;
  Distribution distribution_;
};

}  // namespace fluxmlx::sample
