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

#include "base/chunk_range.h"
#include "base/crew.h"
#include "base/error.h"

namespace fluxmlx {
namespace {

// Longer than the pause between two products of one forward pass, shorter than anyone would notice in a profile.
constexpr std::chrono::microseconds kSpin{40};
constexpr int64_t kMaxChunks = int64_t{1} << 30;  // of one round: a share numbers them in 32 bits

// How long others may hold their last chunks, beside a few times what a chunk takes, before they count as stopped.
constexpr std::chrono::microseconds kPatience{50};
constexpr int kPatienceChunks = 4;

using Clock = std::chrono::steady_clock;

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
  const auto deadline = Clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause_cpu();
    }
  } while (Clock::now() < deadline);
  return ready();
}

// What a thread did in a round, and so how long it can be expected to wait for the others.
struct Stint {
  Clock::time_point began;
  int64_t n_chunks = 0;

  Clock::duration patience() const noexcept {
    return kPatience + kPatienceChunks * (Clock::now() - began) / std::max<int64_t>(n_chunks, 1);
  }
};

}  // namespace

struct ThreadPool::State {
  explicit State(int n) : n_threads(n), shares(static_cast<size_t>(n)), crew(n) {}
  ~State();

  Stint run_chunks(int thread) noexcept;
  void run_chunk(int64_t chunk, int thread) noexcept;
  void run_round(int64_t begin, int64_t count, const Work& round_work);
  void await_others(int64_t count, const Stint& own) noexcept;
  bool free_caller(uint64_t seen, const Stint& own) noexcept;
  void sleep(uint64_t seen);
  void loop(int thread);

  bool is_called(uint64_t seen) const noexcept { return round.load(std::memory_order_acquire) != seen || stopping; }

  const int n_threads;
  std::vector<ChunkRange> shares;
  Crew crew;
  alignas(64) std::atomic<uint64_t> round{0};
  alignas(64) std::atomic<int64_t> done{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> stopping{false};
  Work work;
  int64_t first_chunk = 0;
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

Stint ThreadPool::State::run_chunks(int thread) noexcept {
  Stint own{Clock::now()};
  int64_t chunk = 0;
  crew.set_working(thread, true);
  for (int i = 0; i < n_threads; ++i) {
    ChunkRange& share = shares[static_cast<size_t>((thread + i) % n_threads)];
    for (; share.take(/*from_front=*/i == 0, chunk); ++own.n_chunks) run_chunk(first_chunk + chunk, thread);
  }
  if (own.n_chunks != 0) done.fetch_add(own.n_chunks, std::memory_order_release);
  crew.set_working(thread, false);
  return own;
}

void ThreadPool::State::run_chunk(int64_t chunk, int thread) noexcept {
  try {
    work.call(work.body, chunk, thread);
  } catch (...) {
    const std::lock_guard lock(mutex);
    if (!error) error = std::current_exception();
  }
}

void ThreadPool::State::run_round(int64_t begin, int64_t count, const Work& round_work) {
  work = round_work;
  first_chunk = begin;
  done.store(0, std::memory_order_relaxed);
  crew.enlist(0);
  for (int i = 0; i < n_threads; ++i) {
    shares[static_cast<size_t>(i)].fill(count * i / n_threads, count * (i + 1) / n_threads);
  }
  round.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) > 0) {
    {
      const std::lock_guard lock(mutex);
    }  // a thread between its last look and its sleep is past it now
    wake.notify_all();
  }
  await_others(count, run_chunks(0));
  if (error) std::rethrow_exception(std::exchange(error, nullptr));
}

// A worker that the system stopped within a chunk is taken to this processor, which has nothing better to do.
void ThreadPool::State::await_others(int64_t count, const Stint& own) noexcept {
  const auto finished = [&] { return done.load(std::memory_order_acquire) == count; };
  if (spin_until(finished)) return;
  const Clock::duration patience = own.patience();
  Clock::time_point limit = Clock::now() + patience;
  for (bool brought = false; !(brought ? finished() : spin_until(finished));) {
    if (Clock::now() > limit) {
      crew.bring_workers();
      brought = true;
      limit = Clock::now() + patience;
    }
    std::this_thread::yield();
  }
}

// The same the other way round: a caller that was stopped within a chunk gets this thread's processor. False when there
// is nothing to do but to sleep.
bool ThreadPool::State::free_caller(uint64_t seen, const Stint& own) noexcept {
  if (own.n_chunks == 0) return false;
  const auto waits = [&] { return crew.is_working(0) && !is_called(seen); };
  const Clock::time_point limit = Clock::now() + own.patience();
  while (waits() && Clock::now() < limit) pause_cpu();
  if (!waits()) return is_called(seen);
  crew.free_caller();
  return false;
}

void ThreadPool::State::sleep(uint64_t seen) {
  std::unique_lock lock(mutex);
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  wake.wait(lock, [&] { return round.load(std::memory_order_seq_cst) != seen || stopping; });
  sleepers.fetch_sub(1, std::memory_order_seq_cst);
}

void ThreadPool::State::loop(int thread) {
  uint64_t seen = 0;
  Stint own;
  crew.enlist(thread);
  while (!stopping) {
    crew.keep_off_caller();
    const auto called = [&] { return is_called(seen); };
    if (!spin_until(called) && !free_caller(seen, own)) {
      sleep(seen);
      crew.keep_off_caller();
    }
    seen = round.load(std::memory_order_acquire);
    own = run_chunks(thread);
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

void ThreadPool::run(int64_t n_chunks, const Work& work) {
  if (state_->n_threads == 1 || n_chunks == 1) {
    for (int64_t chunk = 0; chunk < n_chunks; ++chunk) work.call(work.body, chunk, 0);
    return;
  }
  for (int64_t begin = 0; begin < n_chunks; begin += kMaxChunks) {
    state_->run_round(begin, std::min(kMaxChunks, n_chunks - begin), work);
  }
}

}  // namespace fluxmlx
