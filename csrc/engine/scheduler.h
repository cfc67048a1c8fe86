#pragma once

#include <list>
#include <vector>

#include "engine/chunk_size.h"
#include "engine/sequence.h"
#include "engine/stats.h"
#include "model/decoder.h"

namespace fluxmlx::engine {

// The requests that run, and the step that moves each of them one piece on. Lives on the engine's thread.
class Scheduler {
 public:
  Scheduler(const model::Decoder& decoder, const Options& options, const Vocabulary& vocabulary, cache::KvStore& store,
            Counters& counters)
      : decoder_(decoder),
        options_(options),
        vocabulary_(vocabulary),
        store_(store),
        counters_(counters),
        chunk_(options.prefill_chunk) {}

  bool has_room() const { return running_.size() < static_cast<size_t>(options_.max_sequences); }
  bool idle() const { return running_.empty(); }

  // Starts a request, or fails it alone. Throws nothing: the engine outlives every fault of a request.
  void admit(Request request, std::shared_ptr<Handle> handle, Clock::time_point submitted) noexcept;

  // forward -> sample -> emit, for all that run.
  void step() noexcept;

  void fail_all(const Error& error) noexcept;

 private:
  struct Plan {
    Sequence* sequence;
    Usage before;
    int count;                  // rows in this step
    std::vector<int32_t> rows;  // of these, wanted logits, counted from the sequence's first row
  };

  void drop_finished() noexcept;
  void count_end(Sequence& sequence) noexcept;
  void count_step(Clock::time_point began) noexcept;
  int n_guesses() const;
  model::Batch plan(std::vector<Plan>& plans, std::vector<int32_t>& rows);
  void forward(const model::Batch& batch, std::span<const Plan> plans, std::span<const int32_t> rows);
  void accept(const Plan& plan, const float* logits) noexcept;

  const model::Decoder& decoder_;
  const Options& options_;
  const Vocabulary& vocabulary_;  // given before the first request
  cache::KvStore& store_;
  Counters& counters_;
  ChunkSize chunk_;
  std::list<Sequence> running_;
};

}  // namespace fluxmlx::engine
