#pragma once

#include <functional>
#include <list>
#include <span>

#include "engine/sequence.h"

namespace fluxmlx::engine {

// Who may have key/value memory for what: older sequences before younger ones. Sequences are in the order of their age,
// the oldest first.
class MemoryPlan {
 public:
  explicit MemoryPlan(cache::KvStore& store) : store_(store) {}

  // Whether one of n_tokens more can read all of them, and write some, beside what these still have to read. A guess:
  // what it says too often costs a preemption, nothing else.
  bool fits(int n_tokens, std::list<Sequence>& running) const;

  // Gives each the room for its rows of the next step (none: it does not take part). Where there is not enough, calls
  // `preempt` with the youngest, which frees its memory and leaves the list, until there is. One that is alone and has
  // no room for all that fails.
  void reserve(std::list<Sequence>& running, std::span<const int> rows,
               const std::function<void(std::list<Sequence>::iterator)>& preempt) const;

 private:
  uint64_t bytes_for(int n_tokens) const noexcept;
  void reserve_alone(Sequence& sequence, int n_rows) const;

  cache::KvStore& store_;
};

// Whether the cache has, or now got, the room for so many rows more.
bool has_room(Sequence& sequence, int n_rows);

}  // namespace fluxmlx::engine
