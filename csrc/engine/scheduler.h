#pragma once

#include <list>

#include "engine/memory_plan.h"
#include "engine/prefix_reuse.h"
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
        memory_(store),
        cost_(options.prefill_chunk),
        prefixes_(store, options, counters) {}

  // Whether a place is free for this one, and memory for its prompt. Those that were preempted come first.
  bool has_room_for(const Request& request);
  bool idle() const { return running_.empty() && preempted_.empty(); }

  // Starts a request, or fails it alone. Throws nothing: the engine outlives every fault of a request.
  void admit(Submitted submitted) noexcept;

  // resume -> plan -> forward -> sample -> emit.
  void step() noexcept;

  void fail_all(const Error& error) noexcept;

 private:
  using Sequences = std::list<Sequence>;

  bool has_place() const { return running_.size() < static_cast<size_t>(options_.max_sequences); }
  void drop_finished() noexcept;
  bool drop_if_finished(Sequence& sequence) noexcept;
  void resume();
  void preempt(Sequences::iterator sequence);
  void count_memory() noexcept;
  void check_memory();
  void count_step(Clock::time_point began) noexcept;
  StepPlan plan();
  Runner::Outputs forward(const StepPlan& plan);
  void sample_and_emit(const StepPlan& plan, Runner::Outputs outputs) noexcept;
  void accept(const StepPlan::Part& part, std::span<const float> values) noexcept;

  Runner& runner_;
  const Options& options_;
  const Vocabulary& vocabulary_;  // given before the first request
  cache::KvStore& store_;
  Counters& counters_;
  MemoryPlan memory_;
  StepCost cost_;
  PrefixReuse prefixes_;
  // The oldest first, and whoever was preempted is younger than all that run: nobody starts before they go on.
  Sequences running_, preempted_;
  [[maybe_unused]] uint64_t n_ended_ = 0;  // when the cache was checked last
};

}  // namespace fluxmlx::engine
