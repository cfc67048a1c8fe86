#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/table.h"

// What one call of attention() is cut into. Bits depend on none of it: a row's spans are merged in order, whoever
// attends to them.
namespace fluxmlx::kernels {

// Some rows of a sequence. A sequence that is one piece appends its rows as it attends, and its spans are tasks of
// their own, so that one sequence and few heads keep every thread busy; the rows of others have a task per head.
struct AttentionPiece {
  AttentionBlock block;
  bool is_whole;       // all new rows of its sequence
  int64_t first_span;  // that some row sees
  int64_t n_spans;
  int64_t first_task;
  int64_t first_part;     // of its memory in AttentionPlan::parts
  int64_t first_counter;  // in AttentionPlan::done
};

// Keeps its memory from call to call.
struct AttentionPlan {
  std::vector<AttentionPiece> pieces;
  std::vector<AttentionBlock> appends;  // rows that go into the cache before anyone attends
  int64_t n_tasks = 0;
  float* parts = nullptr;
  std::unique_ptr<std::atomic<int64_t>[]> done;  // spans of a piece and head that are attended to

  const AttentionPiece& find_piece(int64_t task) const;
};

// The plan of this thread, which is valid until its next call.
const AttentionPlan& plan_attention(const Attention& args);

// Working memory of this thread; grows to the largest model it has met.
float* attention_scratch(int64_t n_floats);

}  // namespace fluxmlx::kernels
