#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace fluxmlx {

// Threads that this process may use: the smaller of its CPU affinity and its cgroup's quota, at least 1.
int available_threads() noexcept;

// A fork-join pool: parallel_for hands out chunk numbers from one shared counter, so a thread that the
// system takes away for a while only delays the chunk it holds. The calling thread works too.
class ThreadPool {
 public:
  using Body = std::function<void(int64_t chunk, int thread)>;

  explicit ThreadPool(int n_threads);  // n_threads >= 1, the caller included
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const noexcept;

  // Runs body(chunk, thread) for every chunk in [0, n_chunks), and returns when all have ended.
  // Not reentrant; one caller at a time. What a body throws comes out here, after all chunks have ended.
  void parallel_for(int64_t n_chunks, const Body& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fluxmlx
