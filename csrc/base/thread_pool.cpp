#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace fluxmlx {
namespace {

// Longer than the pause between two products of one forward pass, shorter than anyone would notice in a profile.
constexpr std::chrono::microseconds kSpin{40};
constexpr int64_t kMaxChunks = int64_t{1} << 30;  // of one round: a ticket counts them in 32 bits

void pause_cpu() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits for ready() without sleeping; false when the time is up.
template <class Ready>
bool spin_until(const Ready& ready) noexcept {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause_cpu();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return ready();
}

}  // namespace

// A ticket holds the round's number (high half) and how many chunks are left (low half). Whoever takes a chunk
// holds the round open until it counts the chunk as done, so body and n_chunks are stable while they are read,
// and a round never waits for a thread that has not taken a chunk.
struct ThreadPool::State {
  explicit State(int n) : n_threads(n) {}
  ~State();

  bool has_work() const noexcept { return (ticket.load(std::memory_order_seq_cst) & 0xffffffffu) != 0; }
  bool take(int64_t& left) noexcept;
  void run_chunks(int thread) noexcept;
  void run_chunk(int64_t chunk, int thread) noexcept;
  void run_round(int64_t begin, int64_t count, const Body& work);
  void sleep();
  void loop(int thread);

  const int n_threads;
  alignas(64) std::atomic<uint64_t> ticket{0};
  alignas(64) std::atomic<int64_t> done{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> stopping{false};
  const Body* body = nullptr;
  int64_t first_chunk = 0;
  int64_t n_chunks = 0;
  std::exception_ptr error;  // the first of a round
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> threads;
};

ThreadPool::State::~State() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  wake.notify_all();
  for (std::thread& thread : threads) thread.join();
}

bool ThreadPool::State::take(int64_t& left) noexcept {
  uint64_t seen = ticket.load(std::memory_order_acquire);
  do {
    left = static_cast<int64_t>(seen & 0xffffffffu);
    if (left == 0) return false;
  } while (!ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire));
  return true;
}

void ThreadPool::State::run_chunks(int thread) noexcept {
  int64_t left = 0;
  while (take(left)) {
    run_chunk(first_chunk + n_chunks - left, thread);
    done.fetch_add(1, std::memory_order_release);
  }
}

void ThreadPool::State::run_chunk(int64_t chunk, int thread) noexcept {
  try {
    (*body)(chunk, thread);
  } catch (...) {
    const std::lock_guard lock(mutex);
    if (!error) error = std::current_exception();
  }
}

void ThreadPool::State::run_round(int64_t begin, int64_t count, const Body& work) {
  body = &work;
  first_chunk = begin;
  n_chunks = count;
  done.store(0, std::memory_order_relaxed);
  const uint64_t round = (ticket.load(std::memory_order_relaxed) >> 32) + 1;
  ticket.store((round << 32) | static_cast<uint64_t>(count), std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) > 0) {
    {
      const std::lock_guard lock(mutex);
    }  // a thread between its last look and its sleep is past it now
    wake.notify_all();
  }
  run_chunks(0);
  const auto finished = [&] { return done.load(std::memory_order_acquire) == count; };
  while (!spin_until(finished)) std::this_thread::yield();
  if (error) std::rethrow_exception(std::exchange(error, nullptr));
}

void ThreadPool::State::sleep() {
  std::unique_lock lock(mutex);
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  wake.wait(lock, [this] { return has_work() || stopping; });
  sleepers.fetch_sub(1, std::memory_order_seq_cst);
}

void ThreadPool::State::loop(int thread) {
  while (!stopping) {
    if (!spin_until([this] { return has_work() || stopping; })) sleep();
    run_chunks(thread);
  }
}

ThreadPool::ThreadPool(int n_threads) {
  if (n_threads < 1) fail(ErrorCode::invalid_argument, "n_threads is ", n_threads, ": give 1 or more");
  state_ = std::make_unique<State>(n_threads);
  for (int thread = 1; thread < n_threads; ++thread) {
    state_->threads.emplace_back([state = state_.get(), thread] { state->loop(thread); });
  }
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::n_threads() const noexcept { return state_->n_threads; }

void ThreadPool::parallel_for(int64_t n_chunks, const Body& body) {
  if (state_->n_threads == 1 || n_chunks == 1) {
    for (int64_t chunk = 0; chunk < n_chunks; ++chunk) body(chunk, 0);
    return;
  }
  for (int64_t begin = 0; begin < n_chunks; begin += kMaxChunks) {
    state_->run_round(begin, std::min(kMaxChunks, n_chunks - begin), body);
  }
}

}  // namespace fluxmlx
