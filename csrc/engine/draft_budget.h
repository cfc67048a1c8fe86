#pragma once

#include <algorithm>

namespace fluxmlx::engine {

// How many tokens may be guessed, so that guessing never costs a sequence more than a small part of its time, however
// wrong it goes. It counts in plain steps: a right guess earns one, a row that verifies a guess costs kRow, and each
// step earns kShare to try again with. What would not be covered if it all went wrong is not allowed.
class DraftBudget {
 public:
  int allowed(int limit) const noexcept { return std::max(0, std::min(limit, static_cast<int>(balance_ / kRow))); }

  // A step ended in which n_drafted tokens had been guessed, the first n_accepted of them right.
  void step(int n_drafted, int n_accepted) noexcept {
    balance_ = std::min(kMost, balance_ + kShare + n_accepted - kRow * n_drafted);
  }

 private:
  static constexpr double kRow = 0.3;
  static constexpr double kShare = 0.01;
  static constexpr double kFirst = 0.9;  // one full try
  static constexpr double kMost = 3;     // so that a text that changes its nature is noticed soon

  double balance_ = kFirst;
};

}  // namespace fluxmlx::engine
