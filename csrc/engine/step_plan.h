#pragma once

#include <list>
#include <span>
#include <vector>

#include "engine/sequence.h"
#include "model/batch.h"

namespace fluxmlx::engine {

// What one step computes: rows of every sequence that takes part in it.
struct StepPlan {
  struct Part {
    Sequence* sequence;
    Usage before;
    int count;                  // rows
    std::vector<int32_t> rows;  // of these, wanted, counted from the sequence's first row
  };
  model::Batch batch;
  std::vector<Part> parts;
  std::vector<int32_t> rows;        // of the batch, wanted logits; those of each part in turn
  std::vector<int32_t> state_rows;  // wanted states, of the parts that make an embedding
  int n_prompt_rows = 0;            // of sequences that read
  int n_decoding = 0;               // sequences that write

  void add(Sequence& sequence, int limit, int n_guesses);
};

// Shares the rows of a step among sequences that want so many each, the oldest first: half of them go to the oldest,
// so that a long prompt is not passed for ever, the rest to those that want least, so that a short one is not held up
// by a long one.
std::vector<int> share_rows(std::span<const int> wanted, int budget);

// How many rows each may have: one where it writes, and of `prompt_rows` a share, maybe nothing, where it reads.
std::vector<int> rows_of_step(const std::list<Sequence>& running, int prompt_rows);

// The plan with these rows, and guesses of those that write. Each has room for its rows, or has failed.
StepPlan plan_step(std::list<Sequence>& running, std::span<const int> rows);

}  // namespace fluxmlx::engine
