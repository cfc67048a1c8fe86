#pragma once

#include <atomic>
#include <cstdint>

namespace fluxmlx::engine {

// What an engine has done since it was loaded. An answer counts as one request, so n answers to a prompt are n.
struct Stats {
  uint64_t running = 0, queued = 0, queued_tokens = 0;
  uint64_t finished = 0, failed = 0, cancelled = 0;
  uint64_t prompt_tokens = 0, completion_tokens = 0;  // computed so far
  uint64_t cached_tokens = 0;                         // of prompts, that did not have to be computed
  uint64_t drafted_tokens = 0, accepted_tokens = 0;   // of speculation
  uint64_t preemptions = 0;  // sequences that gave up their memory to older ones, and went on later
  uint64_t steps = 0;
  double busy_seconds = 0;    // of the steps
  uint64_t cache_bytes = 0;   // of those that run
  uint64_t prefix_bytes = 0;  // of those that ended
};

// The same while it is counted: by the engine's thread, read by any.
struct Counters {
  std::atomic<uint64_t> running = 0;
  std::atomic<uint64_t> finished = 0, failed = 0, cancelled = 0;
  std::atomic<uint64_t> prompt_tokens = 0, completion_tokens = 0;
  std::atomic<uint64_t> cached_tokens = 0;
  std::atomic<uint64_t> drafted_tokens = 0, accepted_tokens = 0;
  std::atomic<uint64_t> preemptions = 0;
  std::atomic<uint64_t> steps = 0, busy_ns = 0;
  std::atomic<uint64_t> cache_bytes = 0, prefix_bytes = 0;
};

}  // namespace fluxmlx::engine
