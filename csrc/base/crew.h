#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

namespace fluxmlx {

// The threads of a pool, where they run and whether each may hold a chunk; thread 0 is the pool's caller. They take one
// another to processors beside a busy neighbour, unless there are more of them than processors: then none is free.
class Crew {
 public:
  explicit Crew(int n_threads);

  // By the thread itself: who it is. The caller, of which there may be several, says it before each round.
  void enlist(int thread) noexcept;

  void set_working(int thread, bool is_working) noexcept {
    members_[static_cast<size_t>(thread)].working.store(is_working, std::memory_order_relaxed);
  }
  bool is_working(int thread) const noexcept {
    return members_[static_cast<size_t>(thread)].working.load(std::memory_order_relaxed);
  }

  // By the caller: takes workers that hold chunks to its processor.
  void bring_workers() noexcept;

  // By a worker: takes the caller to its processor, and leaves that.
  void free_caller() noexcept;

  // By a worker: leaves the caller's processor. What the caller computes between rounds, nobody else can.
  void keep_off_caller() noexcept;

 private:
  struct alignas(64) Member {
    std::atomic<int> thread_id{0};
    std::atomic<bool> working{false};
  };

  std::vector<Member> members_;
  const bool may_move_;
  alignas(64) std::atomic<int> callers_processor_{-1};
  alignas(64) std::atomic<bool> moving_{false};
};

}  // namespace fluxmlx
