#pragma once

#include <cstdint>
#include <memory>
#include <optional>

namespace fluxmlx {

// Threads that this process may use: the smaller of its CPU affinity and its cgroup's quota, at least 1.
int available_threads() noexcept;

// Of so many processors, those that a quota leaves, at least 1.
int threads_within(int n_processors, std::optional<double> quota) noexcept;

// A fork-join pool. Each thread has a share of neighbouring chunks, so that it reads memory in one direction, and takes
// from the ends of others' shares when its own is done: a thread that the system takes away for a while only delays
// the chunk it holds. The calling thread works too.
class ThreadPool {
 public:
  explicit ThreadPool(int n_threads);  // n_threads >= 1, the caller included
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const noexcept;

  // Runs body(chunk, thread) for every chunk in [0, n_chunks), and returns when all have ended.
  // Not reentrant; one caller at a time. What a body throws comes out here, after all chunks have ended.
  template <class Body>
  void parallel_for(int64_t n_chunks, const Body& body) {
    run(n_chunks,
        {&body, [](const void* b, int64_t chunk, int thread) { (*static_cast<const Body*>(b))(chunk, thread); }});
  }

 private:
  // A body that the caller keeps: nothing is allocated for it.
  struct Work {
    const void* body = nullptr;
    void (*call)(const void* body, int64_t chunk, int thread) = nullptr;
  };
  struct State;

  void run(int64_t n_chunks, const Work& work);

  std::unique_ptr<State> state_;
};

}  // namespace fluxmlx
