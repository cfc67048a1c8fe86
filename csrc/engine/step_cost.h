#pragma once

#include <algorithm>

namespace fluxmlx::engine {

// How many rows of prompts a step can take for it to end in time: what it costs without them, and what each of them
// costs, as measured lately. Results do not depend on it.
class StepCost {
 public:
  explicit StepCost(int most) : most_(most) {}

  // Rows for a step of `target` seconds in which n_decoding sequences also write; never none, so that a prompt is read
  // however slow the machine is.
  int rows_within(double target, int n_decoding) const noexcept {
    const double room = row_seconds_ > 0 ? (target - base(n_decoding)) / row_seconds_ : kFirst;
    const int rows = static_cast<int>(std::clamp(room, 0.0, 1e6)) / kRound * kRound;
    return std::min(std::max(rows, kLeast), most_);
  }

  void measured(int prompt_rows, int n_decoding, double seconds) noexcept {
    if (prompt_rows == 0) {
      decode_seconds_ = mean(decode_seconds_, seconds);
    } else if (prompt_rows >= std::min(kLeast, most_)) {  // fewer say little
      const double rest = std::max(seconds - base(n_decoding), kShare * seconds);
      row_seconds_ = mean(row_seconds_, std::max(rest / prompt_rows, 1e-9));
    }
  }

 private:
  static constexpr int kFirst = 64;
  static constexpr int kLeast = 16;
  static constexpr int kRound = 16;
  static constexpr double kShare = 0.2;  // of a step, that its prompt rows cost at least

  static double mean(double before, double now) noexcept { return before > 0 ? 0.5 * (before + now) : now; }
  double base(int n_decoding) const noexcept { return n_decoding > 0 ? decode_seconds_ : 0; }

  int most_;
  double decode_seconds_ = 0;  // of a step that reads no prompt
  double row_seconds_ = 0;     // of a prompt's row; 0: not known yet
};

}  // namespace fluxmlx::engine
