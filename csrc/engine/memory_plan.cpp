#include "engine/memory_plan.h"

#include <algorithm>
#include <iterator>
#include <new>

namespace fluxmlx::engine {
namespace {

// Positions that one which starts shall have left to write into, so that it is not preempted at once.
constexpr int kToWrite = kernels::kBlockPositions;

const Error& no_room() {
  static const Error error(ErrorCode::out_of_memory,
                           "the system gave no memory for the keys and values of this request, though no other runs; "
                           "load the model with a smaller max_memory, or use a shorter prompt");
  return error;
}

}  // namespace

uint64_t MemoryPlan::bytes_for(int n_tokens) const noexcept {
  const int n_positions = n_tokens + kToWrite;
  const int n_blocks = (n_positions + kernels::kBlockPositions - 1) / kernels::kBlockPositions;
  return static_cast<uint64_t>(n_blocks) * kernels::kBlockPositions * store_.position_bytes();
}

bool MemoryPlan::fits(int n_tokens, std::list<Sequence>& running) const {
  if (running.empty()) return true;
  uint64_t needed = bytes_for(n_tokens);
  for (Sequence& sequence : running) {
    const uint64_t in_all = bytes_for(sequence.n_tokens()), has = sequence.cache().n_bytes();
    needed += in_all - std::min(in_all, has);
  }
  return needed <= store_.room_bytes();
}

void MemoryPlan::reserve(std::list<Sequence>& running, std::span<const int> rows,
                         const std::function<void(std::list<Sequence>::iterator)>& preempt) const {
  size_t i = 0;
  for (auto sequence = running.begin(); sequence != running.end(); ++sequence, ++i) {
    while (rows[i] > 0 && !has_room(*sequence, rows[i])) {
      if (running.size() == 1) return reserve_alone(*sequence, rows[i]);
      const auto youngest = std::prev(running.end());
      const bool was_last = youngest == sequence;
      preempt(youngest);
      if (was_last) return;
    }
  }
}

// What is kept of its own tokens may be what it has no room to copy.
void MemoryPlan::reserve_alone(Sequence& sequence, int n_rows) const {
  store_.drop_kept();
  if (!has_room(sequence, n_rows)) sequence.fail(no_room());
}

bool has_room(Sequence& sequence, int n_rows) {
  try {
    sequence.cache().reserve(sequence.cache().length() + n_rows);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace fluxmlx::engine
