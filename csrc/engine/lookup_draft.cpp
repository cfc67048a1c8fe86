#include "engine/lookup_draft.h"

#include <algorithm>
#include <utility>

namespace fluxmlx::engine {
namespace {

constexpr size_t kFirstSlots = 64;

// Multiplies by 2^64 / golden ratio and folds: enough to spread token ids over a table.
size_t hash(std::span<const int32_t> tokens) {
  uint64_t result = 0;
  for (const int32_t token : tokens) {
    result = (result ^ static_cast<uint32_t>(token)) * 0x9e3779b97f4a7c15;
    result ^= result >> 32;
  }
  return static_cast<size_t>(result);
}

std::span<const int32_t> before(std::span<const int32_t> tokens, int32_t position, int n) {
  return tokens.subspan(static_cast<size_t>(position - n), static_cast<size_t>(n));
}

bool equal(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

// The slot of the n tokens before `position`, or the free one where they belong.
size_t NgramTable::slot_of(std::span<const int32_t> tokens, int32_t position) const {
  const auto wanted = before(tokens, position, n_);
  size_t slot = hash(wanted) & (slots_.size() - 1);
  while (slots_[slot] >= 0 && !equal(before(tokens, slots_[slot], n_), wanted)) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

void NgramTable::grow(std::span<const int32_t> tokens) {
  const std::vector<int32_t> old = std::move(slots_);
  slots_.assign(std::max(kFirstSlots, 2 * old.size()), -1);
  for (const int32_t position : old) {
    if (position >= 0) slots_[slot_of(tokens, position)] = position;
  }
}

void NgramTable::put(std::span<const int32_t> tokens, int32_t position) {
  if (2 * (n_used_ + 1) > slots_.size()) grow(tokens);
  int32_t& slot = slots_[slot_of(tokens, position)];
  n_used_ += slot < 0 ? 1 : 0;
  slot = position;
}

int32_t NgramTable::find(std::span<const int32_t> tokens, int32_t position) const {
  return slots_.empty() ? -1 : slots_[slot_of(tokens, position)];
}

void LookupDraft::index(std::span<const int32_t> tokens) {
  for (; n_indexed_ < tokens.size(); ++n_indexed_) {
    const auto position = static_cast<int32_t>(n_indexed_);
    for (NgramTable& table : tables_) {
      if (position >= table.n()) table.put(tokens, position);
    }
  }
}

std::vector<int32_t> LookupDraft::propose(std::span<const int32_t> tokens, int limit) {
  index(tokens);
  const auto end = static_cast<int32_t>(tokens.size());
  std::vector<int32_t> draft;
  for (const NgramTable& table : tables_) {
    const int32_t place = end >= table.n() ? table.find(tokens, end) : -1;
    if (place < 0) continue;
    for (int32_t i = place; i < place + limit; ++i) draft.push_back(i < end ? tokens[i] : draft[i - end]);
    break;
  }
  return draft;
}

}  // namespace fluxmlx::engine
