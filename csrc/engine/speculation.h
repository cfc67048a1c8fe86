#pragma once

#include <memory>
#include <utility>

#include "engine/draft_budget.h"
#include "engine/drafter.h"

namespace fluxmlx::engine {

// The guesses of one sequence: who makes them, how many are worth their time, and what became of them.
class Speculation {
 public:
  explicit Speculation(std::unique_ptr<Drafter> drafter) : drafter_(std::move(drafter)) {}

  // What the next step shall verify behind `tokens`, at most `limit`.
  std::vector<int32_t> propose(std::span<const int32_t> tokens, int limit) {
    limit = budget_.allowed(limit);
    std::vector<int32_t> draft;
    if (limit > 0) draft = drafter_->propose(tokens, limit);
    n_proposed_ = static_cast<int>(draft.size());
    n_drafted_ += n_proposed_;
    return draft;
  }

  // One more of them, in their order, is what the model chose.
  void confirm() noexcept {
    ++n_confirmed_;
    ++n_accepted_;
  }

  // None of the rest is. -> how many were.
  int end_step() {
    budget_.step(n_proposed_, n_confirmed_);
    if (n_proposed_ > 0) drafter_->accepted(n_confirmed_);
    n_proposed_ = 0;
    return std::exchange(n_confirmed_, 0);
  }

  int n_drafted() const noexcept { return n_drafted_; }
  int n_accepted() const noexcept { return n_accepted_; }

 private:
  std::unique_ptr<Drafter> drafter_;
  DraftBudget budget_;
  int n_proposed_ = 0, n_confirmed_ = 0;  // in this step
  int n_drafted_ = 0, n_accepted_ = 0;    // so far
};

}  // namespace fluxmlx::engine
