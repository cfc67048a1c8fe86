#pragma once

namespace fluxmlx::kernels {

// Whether products of one token ask for weights ahead of their use. Where the memory answers late, because others use
// it, that is up to twice as fast; where it is left to us alone, asking costs a few percent, and for some types more.
// Which of the two it is changes within seconds, so steps of one token are timed, and once in a while one goes the
// other way. No bit of a result depends on it. Decision 044.
class AskingAhead {
 public:
  // In the next step.
  bool asks() const { return asks_ != trying_; }

  // How long that step took, with the same work as the one before.
  void took(double seconds);

 private:
  void tried(double seconds);

  bool asks_ = true, trying_ = false;
  double last_ = 0, before_ = 0;  // seconds of the last two steps the usual way; 0: not known
  double usual_ = 0;              // about the mean of them
  int interval_ = 0, left_ = 0;   // steps from one trial to the next, and until that one
};

}  // namespace fluxmlx::kernels
