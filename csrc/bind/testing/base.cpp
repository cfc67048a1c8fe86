// The fork-join pool and the kept memory under the kernels.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>
#include <utility>

#include "base/cpu_quota.h"
#include "base/memory_quota.h"
#include "base/processors.h"
#include "base/scratch.h"
#include "base/thread_pool.h"
#include "bind/register.h"

namespace fluxmlx::bind {
namespace {

// How often each chunk ran over `rounds` fork-joins.
std::vector<int64_t> count_chunks(ThreadPool& pool, int64_t n_chunks, int64_t rounds) {
  std::vector<std::atomic<int64_t>> counts(static_cast<size_t>(n_chunks));
  std::atomic<bool> bad_thread{false};
  for (int64_t round = 0; round < rounds; ++round) {
    pool.parallel_for(n_chunks, [&](int64_t chunk, int thread) {
      counts[static_cast<size_t>(chunk)].fetch_add(1, std::memory_order_relaxed);
      if (thread < 0 || thread >= pool.n_threads()) bad_thread = true;
    });
  }
  if (bad_thread) fail(ErrorCode::runtime, "a thread number outside the pool");
  return {counts.begin(), counts.end()};
}

// Which thread ran each chunk, where chunk i takes seconds[i].
std::vector<int> find_threads(ThreadPool& pool, const std::vector<double>& seconds) {
  std::vector<int> threads(seconds.size());
  pool.parallel_for(static_cast<int64_t>(seconds.size()), [&](int64_t chunk, int thread) {
    threads[static_cast<size_t>(chunk)] = thread;
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds[static_cast<size_t>(chunk)]));
  });
  return threads;
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Thread and processor on which each chunk began, where chunk i computes for seconds[i].
std::vector<std::pair<int, int>> find_places(ThreadPool& pool, const std::vector<double>& seconds) {
  std::vector<std::pair<int, int>> places(seconds.size());
  pool.parallel_for(static_cast<int64_t>(seconds.size()), [&](int64_t chunk, int thread) {
    places[static_cast<size_t>(chunk)] = {thread, current_processor()};
    for (const double end = thread_seconds() + seconds[static_cast<size_t>(chunk)]; thread_seconds() < end;) {
    }
  });
  return places;
}

// The address of the memory after each of these sizes.
std::vector<uintptr_t> reserve_all(Scratch& scratch, const std::vector<size_t>& sizes) {
  std::vector<uintptr_t> addresses;
  for (const size_t n : sizes) {
    std::byte* const memory = scratch.reserve(n);
    std::fill_n(memory, n, std::byte{1});
    addresses.push_back(reinterpret_cast<uintptr_t>(memory));
  }
  return addresses;
}

}  // namespace

void register_testing_base(nb::module_& m) {
  using Released = nb::call_guard<nb::gil_scoped_release>;
  nb::class_<ThreadPool>(m, "ThreadPool")
      .def(nb::init<int>())
      .def_prop_ro("n_threads", &ThreadPool::n_threads)
      .def("count_chunks", &count_chunks, Released())
      .def("find_threads", &find_threads, Released())
      .def("find_places", &find_places, Released());
  nb::class_<Scratch>(m, "Scratch")
      .def(nb::init<>())
      .def("reserve_all", &reserve_all)
      .def_prop_ro("n_bytes", &Scratch::n_bytes);
  m.def("available_threads", &available_threads);
  m.def("cpu_quota", [](const std::string& system) { return cpu_quota(system); });
  m.def("memory_quota", [](const std::string& system) { return memory_quota(system); });
  m.def("n_processors", &n_processors);
  m.def("current_processor", &current_processor);
  m.def("leave_processor", &leave_processor);
  m.def("threads_within", &threads_within, nb::arg("n_processors"), nb::arg("quota").none());
}

}  // namespace fluxmlx::bind
