#pragma once

#include <atomic>
#include <cstdint>

namespace fluxmlx {

// The chunks of one round that a thread begins with: [begin, end) in the low and high half. The owner takes from the
// front and others from the back. Whoever takes a chunk holds the round open until it counts it as done, so what
// describes the round is stable while it is read, and a round never waits for a thread that has not taken a chunk.
struct alignas(64) ChunkRange {
  std::atomic<uint64_t> range{0};

  void fill(int64_t begin, int64_t end) noexcept {
    range.store(static_cast<uint64_t>(end) << 32 | static_cast<uint64_t>(begin), std::memory_order_release);
  }

  bool take(bool from_front, int64_t& chunk) noexcept {
    constexpr uint64_t first = 1, last = uint64_t{1} << 32;
    uint64_t seen = range.load(std::memory_order_acquire);
    while (true) {
      const uint64_t begin = seen & 0xffffffffu, end = seen >> 32;
      if (begin == end) return false;
      chunk = static_cast<int64_t>(from_front ? begin : end - 1);
      const uint64_t left = from_front ? seen + first : seen - last;
      if (range.compare_exchange_weak(seen, left, std::memory_order_acq_rel, std::memory_order_acquire)) return true;
    }
  }
};

}  // namespace fluxmlx
