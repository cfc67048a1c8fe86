#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fluxmlx::engine {

enum class Pooling {
  none,
  last,  // the state of the last token
  mean,  // of all tokens
};

// The states of a prompt as one vector. They come in the order of their positions, and the sum is one of doubles, so
// that pieces make no difference.
class Pooled {
 public:
  explicit Pooled(Pooling pooling) : pooling_(pooling) {}

  // Positions that are in it.
  int size() const noexcept { return n_; }

  void add(std::span<const float> state) {
    if (n_ == 0 || pooling_ == Pooling::last) sum_.assign(state.size(), 0);
    for (size_t i = 0; i < state.size(); ++i) sum_[i] += static_cast<double>(state[i]);
    ++n_;
  }

  std::vector<float> vector() const {
    const double n = pooling_ == Pooling::mean ? n_ : 1;
    std::vector<float> result;
    result.reserve(sum_.size());
    for (const double value : sum_) result.push_back(static_cast<float>(value / n));
    return result;
  }

 private:
  Pooling pooling_;
  int n_ = 0;
  std::vector<double> sum_;
};

}  // namespace fluxmlx::engine
