#pragma once

#include <array>

#include "engine/drafter.h"

namespace fluxmlx::engine {

// Where each sequence of n tokens was last followed by another, as an open hash table of positions: the tokens
// themselves are compared, so a place that it finds is the right one.
class NgramTable {
 public:
  explicit NgramTable(int n) : n_(n) {}

  int n() const noexcept { return n_; }

  // Notes that tokens[position - n, position) is followed by what is at `position`, in place of an earlier one.
  void put(std::span<const int32_t> tokens, int32_t position);

  // What was put last for the n tokens that end before `position`, or -1.
  int32_t find(std::span<const int32_t> tokens, int32_t position) const;

 private:
  size_t slot_of(std::span<const int32_t> tokens, int32_t position) const;
  void grow(std::span<const int32_t> tokens);

  int n_;
  size_t n_used_ = 0;
  std::vector<int32_t> slots_;  // -1: free; a power of two, at most half of them used
};

// Prompt lookup: what followed the last time that the tokens ended like this, by the longest ending of 4 to 2 tokens
// that there was. A place near the end repeats itself. Each token is indexed once, so a call costs the same at any
// length.
class LookupDraft final : public Drafter {
 public:
  std::vector<int32_t> propose(std::span<const int32_t> tokens, int limit) override;
  void accepted(int) override {}

 private:
  void index(std::span<const int32_t> tokens);

  std::array<NgramTable, 3> tables_{NgramTable(4), NgramTable(3), NgramTable(2)};
  size_t n_indexed_ = 0;  // places in the tables
};

}  // namespace fluxmlx::engine
