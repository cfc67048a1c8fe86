#include "kernels/asking_ahead.h"

#include <algorithm>

namespace fluxmlx::kernels {

namespace {

constexpr int kShortest = 4, kLongest = 32;  // steps between two trials
constexpr double kFaster = 0.98;             // of the time that the usual way takes: worth a change
constexpr double kLate = 1.1;                // times the usual, and something has changed
constexpr double kWeight = 0.125;            // of a new time in the usual one

}  // namespace

void AskingAhead::took(double seconds) {
  if (trying_) return tried(seconds);
  before_ = last_, last_ = seconds;
  const bool late = !asks_ && seconds > kLate * usual_;
  usual_ = usual_ == 0 ? seconds : usual_ + kWeight * (seconds - usual_);
  if (before_ == 0) return;
  trying_ = late || --left_ < 0;
}

// The other way has to be faster than both of the last two steps: one alone may have been delayed by anything.
void AskingAhead::tried(double seconds) {
  trying_ = false;
  if (seconds < kFaster * std::min(last_, before_)) {
    asks_ = !asks_;
    last_ = usual_ = seconds, before_ = 0, interval_ = kShortest;
  } else {
    interval_ = std::clamp(2 * interval_, kShortest, kLongest);
  }
  left_ = interval_;
}

}  // namespace fluxmlx::kernels
