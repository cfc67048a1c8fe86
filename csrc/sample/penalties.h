#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sample/params.h"

namespace fluxmlx::sample {

bool has_penalties(const Params& params) noexcept;

// Adds the biases: before the penalties, as llama.cpp does.
void apply_bias(const Params& params, std::span<float> logits);

// Makes the tokens of the last `repeat_last_n` of `history` less likely. Per token, whatever its count: a positive
// logit is divided by repeat_penalty and any other multiplied by it (Keskar et al., CTRL, 2019, made safe for negative
// logits); then count * frequency_penalty + presence_penalty is taken off.
// counts: (n_vocab,), all zero before and after.
void apply_penalties(const Params& params, std::span<const int32_t> history, std::span<float> logits,
                     std::span<int32_t> counts);

// Ids outside the vocabulary are passed over: a model may name an end token that it has no logit for.
void apply_ban(std::span<const int32_t> banned, std::span<float> logits);

}  // namespace fluxmlx::sample
