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
#include "base/processors.h"

namespace fluxmlx {
namespace {

// Longer than the pause between two products of one forward pass, shorter than anyone would notice in a profile.
constexpr std::chrono::microseconds kSpin{40};
constexpr int64_t kMaxChunks = int64_t{1} << 30;  // of one round: a share numbers them in 32 bits

// Shorter than the slice after which a system takes a processor away that others wait for, see decision 039.
constexpr std::chrono::microseconds kTurn{1000};

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

// The chunks of one round that a thread begins with: [begin, end) in the low and high half. The owner takes from the
// front and others from the back. Whoever takes a chunk holds the round open until it counts it as done, so what
// describes the round is stable while it is read, and a round never waits for a thread that has not taken a chunk.
struct alignas(64) Share {
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

}  // namespace

struct ThreadPool::State {
  explicit State(int n) : n_threads(n), apart(n <= n_processors()), shares(static_cast<size_t>(n)) {}
  ~State();

  void run_chunks(int thread) noexcept;
  void run_chunk(int64_t chunk, int thread) noexcept;
  void run_round(int64_t begin, int64_t count, const Work& round_work);
  void sleep(uint64_t seen);
  void show_place() noexcept;
  void keep_apart() noexcept;
  void loop(int thread);

  const int n_threads;
  const bool apart;  // a processor for each thread
  std::vector<Share> shares;
  alignas(64) std::atomic<int> callers_processor{-1};
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

void ThreadPool::State::run_chunks(int thread) noexcept {
  int64_t n_done = 0, chunk = 0;
  for (int i = 0; i < n_threads; ++i) {
    Share& share = shares[static_cast<size_t>((thread + i) % n_threads)];
    for (; share.take(/*from_front=*/i == 0, chunk); ++n_done) run_chunk(first_chunk + chunk, thread);
  }
  if (n_done != 0) done.fetch_add(n_done, std::memory_order_release);
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
  show_place();
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
  run_chunks(0);
  const auto finished = [&] { return done.load(std::memory_order_acquire) == count; };
  while (!spin_until(finished)) std::this_thread::yield();
  if (error) std::rethrow_exception(std::exchange(error, nullptr));
}

void ThreadPool::State::sleep(uint64_t seen) {
  std::unique_lock lock(mutex);
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  wake.wait(lock, [&] { return round.load(std::memory_order_seq_cst) != seen || stopping; });
  sleepers.fetch_sub(1, std::memory_order_seq_cst);
}

void ThreadPool::State::show_place() noexcept {
  const int here = current_processor();
  // Written when it is new only: the workers read it at every round.
  if (callers_processor.load(std::memory_order_relaxed) != here) {
    callers_processor.store(here, std::memory_order_relaxed);
  }
}

// Beside a busy process a system may keep a worker on the caller's processor, where the two take turns at what they
// could do at once, and leave another one to that process alone. A thread moves itself and no other.
void ThreadPool::State::keep_apart() noexcept {
  const int here = current_processor();
  if (apart && here == callers_processor.load(std::memory_order_relaxed)) leave_processor(here);
}

// Gives way to other processes now and then while it holds no chunk, so that they do not stop it in the middle of one,
// where all threads would wait for it.
void ThreadPool::State::loop(int thread) {
  uint64_t seen = 0;
  Clock::time_point turn = Clock::now();
  while (!stopping) {
    if (Clock::now() - turn > kTurn) {
      std::this_thread::yield();
      turn = Clock::now();
    }
    keep_apart();
    const auto called = [&] { return round.load(std::memory_order_acquire) != seen || stopping; };
    if (!spin_until(called)) sleep(seen);
    seen = round.load(std::memory_order_acquire);
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
