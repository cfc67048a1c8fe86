#pragma once

#include <algorithm>

namespace fluxmlx::engine {

// How many prompt tokens go into one step: as many as took half a second lately, so that a cancel, a close and the
// other requests never wait for long. Results do not depend on it.
class ChunkSize {
 public:
  explicit ChunkSize(int most) : most_(most), rows_(std::min(most, kFirst)) {}

  int rows() const noexcept { return rows_; }

  void measured(int rows, double seconds) noexcept {
    if (rows < std::min(kFirst, rows_)) return;  // too few to tell: the weights are read all the same
    const double wanted = rows * kStepSeconds / std::max(seconds, 1e-6);
    rows_ = std::clamp(static_cast<int>(std::min(wanted, 1e6)) / kRound * kRound, std::min(kLeast, most_), most_);
  }

 private:
  static constexpr double kStepSeconds = 0.5;
  static constexpr int kFirst = 64;
  static constexpr int kLeast = 32;
  static constexpr int kRound = 32;

  int most_;
  int rows_;
};

}  // namespace fluxmlx::engine
