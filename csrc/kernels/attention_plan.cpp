#include "kernels/attention_plan.h"

#include <algorithm>

#include "base/scratch.h"

namespace fluxmlx::kernels {
namespace {

// Queries that share the reading of a span; a row's bits do not depend on how many do.
constexpr int64_t kBlockQueries = 24;

float* reserve(Scratch& memory, int64_t n_floats) {
  return reinterpret_cast<float*>(memory.reserve(static_cast<size_t>(n_floats) * sizeof(float)));
}

// A plan while it is made, and the memory that it keeps.
class Planner {
 public:
  const AttentionPlan& plan(const Attention& args) {
    n_kv_heads_ = args.n_kv_heads;
    plan_.pieces.clear();
    plan_.appends.clear();
    plan_.n_tasks = n_part_floats_ = n_counters_ = 0;
    const int64_t rows = std::max<int64_t>(1, kBlockQueries / (args.n_heads / args.n_kv_heads));
    for (const Sequence& sequence : args.sequences) {
      const bool is_whole = sequence.n_rows <= rows;
      if (!is_whole) add_appends(sequence);
      for (int64_t row = 0; row < sequence.n_rows; row += rows) {
        add_piece(args, {&sequence, row, std::min(rows, sequence.n_rows - row), 0}, is_whole);
      }
    }
    allocate();
    return plan_;
  }

 private:
  void add_appends(const Sequence& sequence) {
    for (int64_t row = 0; row < sequence.n_rows;) {
      const int64_t room = kBlockPositions - (sequence.n_past + row) % kBlockPositions;
      const int64_t n = std::min(room, sequence.n_rows - row);
      plan_.appends.push_back({&sequence, row, n, 0});
      row += n;
    }
  }

  void add_piece(const Attention& args, const AttentionBlock& block, bool is_whole) {
    const int64_t first_seen = args.window == 0 ? 0 : std::max<int64_t>(0, block.begin() + 1 - args.window);
    const int64_t first_span = first_seen / kSpan;
    const int64_t n_spans = (block.end() + kSpan - 1) / kSpan - first_span;
    plan_.pieces.push_back({block, is_whole, first_span, n_spans, plan_.n_tasks, n_part_floats_, n_counters_});
    plan_.n_tasks += is_whole ? n_kv_heads_ * n_spans : n_kv_heads_;
    if (!is_whole) return;
    n_part_floats_ += n_kv_heads_ * n_spans * attention_part_size(args, block.n_rows);
    n_counters_ += n_kv_heads_;
  }

  void allocate() {
    plan_.parts = reserve(parts_, n_part_floats_);
    if (n_counters_ > counters_size_) {
      plan_.done = std::make_unique<std::atomic<int64_t>[]>(static_cast<size_t>(n_counters_));
      counters_size_ = n_counters_;
    }
    for (int64_t i = 0; i < n_counters_; ++i) plan_.done[i].store(0, std::memory_order_relaxed);
  }

  AttentionPlan plan_;
  Scratch parts_;
  int64_t n_kv_heads_ = 0, n_part_floats_ = 0, n_counters_ = 0, counters_size_ = 0;
};

}  // namespace

const AttentionPiece& AttentionPlan::find_piece(int64_t task) const {
  const auto after = std::upper_bound(pieces.begin(), pieces.end(), task,
                                      [](int64_t t, const AttentionPiece& piece) { return t < piece.first_task; });
  return *(after - 1);
}

const AttentionPlan& plan_attention(const Attention& args) {
  static thread_local Planner planner;
  return planner.plan(args);
}

float* attention_scratch(int64_t n_floats) {
  static thread_local Scratch memory;
  return reserve(memory, n_floats);
}

}  // namespace fluxmlx::kernels
