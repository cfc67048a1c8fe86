#include "base/crew.h"

#include "base/processors.h"

namespace fluxmlx {
namespace {

// One thread moves others at a time: two would take each other's passing choice for what a thread may use, and leave it
// with that. Who finds another at it has nothing to add.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& taken) noexcept
      : taken_(taken), mine_(!taken.exchange(true, std::memory_order_acquire)) {}
  ~Turn() {
    if (mine_) taken_.store(false, std::memory_order_release);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  explicit operator bool() const noexcept { return mine_; }

 private:
  std::atomic<bool>& taken_;
  const bool mine_;
};

}  // namespace

Crew::Crew(int n_threads) : members_(static_cast<size_t>(n_threads)), may_move_(n_threads <= n_processors()) {}

void Crew::enlist(int thread) noexcept {
  members_[static_cast<size_t>(thread)].thread_id.store(current_thread_id(), std::memory_order_relaxed);
  if (thread != 0 || !may_move_) return;
  const int here = current_processor();
  if (callers_processor_.load(std::memory_order_relaxed) != here) {
    callers_processor_.store(here, std::memory_order_relaxed);
  }
}

void Crew::bring_workers() noexcept {
  if (!may_move_) return;
  const Turn turn(moving_);
  if (!turn) return;
  const int here = current_processor();
  for (size_t i = 1; i < members_.size(); ++i) {
    if (!members_[i].working.load(std::memory_order_relaxed)) continue;
    move_thread(members_[i].thread_id.load(std::memory_order_relaxed), here);
  }
}

void Crew::free_caller() noexcept {
  if (!may_move_) return;
  const Turn turn(moving_);
  if (!turn) return;
  const int here = current_processor();
  move_thread(members_[0].thread_id.load(std::memory_order_relaxed), here);
  leave_processor(here);
}

void Crew::keep_off_caller() noexcept {
  if (!may_move_) return;
  const int here = current_processor();
  if (here < 0 || here != callers_processor_.load(std::memory_order_relaxed)) return;
  if (const Turn turn(moving_); turn) leave_processor(here);
}

}  // namespace fluxmlx
