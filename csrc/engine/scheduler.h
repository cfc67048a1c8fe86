#pragma once

#include <list>

#include "engine/queue.h"
#include "engine/runner.h"
#include "engine/sequence.h"
#include "engine/stats.h"
#include "engine/step_cost.h"
#include "engine/step_plan.h"

namespace fluxmlx::engine {

// The requests that run, and the step that moves each of them one piece on. Lives on the engine's thread.
class Scheduler {
 public:
  Scheduler(Runner& runner, const Options& options, const Vocabulary& vocabulary, cache::KvStore& store,
            Counters& counters)
      : runner_(runner),
        options_(options),
        vocabulary_(vocabulary),
        store_(store),
        counters_(counters),
        cost_(options.prefill_chunk) {}

  bool has_room() const { return running_.size() < static_cast<size_t>(options_.max_sequences); }
  bool idle() const { return running_.empty(); }

  // Starts a request, or fails it alone. Throws nothing: the engine outlives every fault of a request.
  void admit(Submitted submitted) noexcept;

  // plan -> forward -> sample -> emit, for all that run.
  void step() noexcept;

  void fail_all(const Error& error) noexcept;

 private:
  void drop_finished() noexcept;
  void count_end(Sequence& sequence) noexcept;
  void count_step(Clock::time_point began) noexcept;
  StepPlan plan();
  const float* forward(const StepPlan& plan);
  void sample_and_emit(const StepPlan& plan, const float* logits) noexcept;
  void accept(const StepPlan::Part& part, const float* logits) noexcept;

  Runner& runner_;
  const Options& options_;
  const Vocabulary& vocabulary_;  // given before the first request
  cache::KvStore& store_;
  Counters& counters_;
  StepCost cost_;
  std::list<Sequence> running_;  // the oldest first
};

}  // namespace fluxmlx::engine
