#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/layer.h"

namespace fluxmlx::ops::cpu {

// Which experts the rows of a batch go to. Slots are numbered so that those of one expert lie together, in the order of
// their rows; what a row is given depends on its own logits alone.
struct Routes {
  std::vector<int32_t> begin;   // (n_experts + 1,) first slot of each expert
  std::vector<int32_t> row;     // (n_rows * n_used,) of each slot
  std::vector<int32_t> slot;    // (n_rows, n_used) by falling weight
  std::vector<float> weight;    // (n_rows, n_used)
  std::vector<int32_t> expert;  // (n_rows, n_used)
};

// logits (n_rows, n). Keeps the memory of earlier batches.
void route(const Experts& experts, const float* logits, int64_t n_rows, Routes& routes);

}  // namespace fluxmlx::ops::cpu
