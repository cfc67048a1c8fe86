#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sample/select.h"

namespace fluxmlx::sample {

struct Ranked {
  double rank;  // the lower, the earlier kept
  double weight;
  size_t index;  // into the candidates
};

// Each of these keeps at least one of the candidates, which are sorted by id before and after. `scratch` is only there
// to be used again.

// Keeps the tokens whose log-probability is nearest to its expected value, until their mass exceeds p.
// Meister, Pimentel, Wiher, Cotterell: "Locally Typical Sampling" (TACL 2023).
void keep_typical(std::vector<Candidate>& candidates, float p, std::vector<Ranked>& scratch);

// Keeps the most likely tokens until their mass is p or more.
// Holtzman, Buys, Du, Forbes, Choi: "The Curious Case of Neural Text Degeneration" (ICLR 2020).
void keep_top_p(std::vector<Candidate>& candidates, float p, std::vector<Ranked>& scratch);

// Keeps the tokens that are at least p times as likely as the most likely one.
// Nguyen et al.: "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs" (2024).
void keep_min_p(std::vector<Candidate>& candidates, float p);

// The highest logit of a non-empty list.
double highest_logit(const std::vector<Candidate>& candidates);

}  // namespace fluxmlx::sample
