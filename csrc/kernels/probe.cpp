#include "kernels/probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "kernels/table.h"

namespace fluxmlx::kernels {

namespace {

constexpr int64_t kChunk = int64_t{1} << 20;  // floats that one thread reads in sequence
constexpr int64_t kChunks = 64;               // 256 MiB in all
constexpr int kPasses = 15;
constexpr double kSeconds = 0.01;  // of one round of the multiply-adds, about

template <class Work>
double seconds_of(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

template <class Work>
double median_seconds(Work work) {
  std::vector<double> seconds;
  for (int pass = 0; pass < kPasses; ++pass) seconds.push_back(seconds_of(work));
  std::nth_element(seconds.begin(), seconds.begin() + kPasses / 2, seconds.end());
  return seconds[kPasses / 2];
}

void check_threads(int n_threads) {
  if (n_threads < 1 || n_threads > 1024) {
    fail(ErrorCode::invalid_argument, "threads is ", n_threads, "; expected 1 to 1024");
  }
}

}  // namespace

double probe_bandwidth(int n_threads) {
  check_threads(n_threads);
  const Probe& probe = active_table().probe;
  ThreadPool pool(n_threads);
  const std::unique_ptr<float[]> data(new float[kChunks * kChunk]);
  // Untouched pages would all be the one page of zeros.
  pool.parallel_for(kChunks, [&](int64_t i, int) { std::fill_n(&data[i * kChunk], kChunk, 1.0f); });
  std::atomic<float> sink = 0;
  const double seconds = median_seconds(
      [&] { pool.parallel_for(kChunks, [&](int64_t i, int) { sink = probe.read(&data[i * kChunk], kChunk); }); });
  return static_cast<double>(kChunks * kChunk * static_cast<int64_t>(sizeof(float))) / seconds;
}

double probe_fma(int n_threads) {
  check_threads(n_threads);
  const Probe& probe = active_table().probe;
  ThreadPool pool(n_threads);
  std::atomic<float> sink = 0;
  constexpr int64_t first = 10000;
  const double once = seconds_of([&] { sink = probe.fma(first); });
  const auto rounds =
      std::max(first, static_cast<int64_t>(static_cast<double>(first) * kSeconds / std::max(once, 1e-9)));
  const double seconds =
      median_seconds([&] { pool.parallel_for(n_threads, [&](int64_t, int) { sink = probe.fma(rounds); }); });
  return static_cast<double>(n_threads * rounds * kProbeFma) / seconds;
}

}  // namespace fluxmlx::kernels
