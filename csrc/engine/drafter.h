#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fluxmlx::engine {

// Guesses how one sequence goes on, for the model to verify in one step: from the text itself, or by a smaller model.
// A wrong guess costs time and nothing else.
class Drafter {
 public:
  virtual ~Drafter() = default;

  // What may follow `tokens`, at most `limit` of them, or nothing. Of one call to the next, `tokens` only grow behind.
  virtual std::vector<int32_t> propose(std::span<const int32_t> tokens, int limit) = 0;

  // The first n tokens of the last proposal were right.
  virtual void accepted(int n) = 0;
};

}  // namespace fluxmlx::engine
