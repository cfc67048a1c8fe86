#include "base/processors.h"

#include <algorithm>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace fluxmlx {
namespace {

int hardware_threads() noexcept { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

}  // namespace

#if defined(__linux__)

namespace {

// The scheduler moves a thread whose set lacks the processor that it is on, and leaves it there when the set is
// restored.
void move_within(int thread_id, const cpu_set_t& wanted, const cpu_set_t& allowed) noexcept {
  if (sched_setaffinity(thread_id, sizeof wanted, &wanted) == 0) {
    sched_setaffinity(thread_id, sizeof allowed, &allowed);
  }
}

bool find_allowed(int thread_id, cpu_set_t& allowed) noexcept {
  CPU_ZERO(&allowed);
  return sched_getaffinity(thread_id, sizeof allowed, &allowed) == 0;
}

}  // namespace

int n_processors() noexcept {
  cpu_set_t allowed;
  // More than 1024 processors do not fit the fixed set: take the library's count then.
  return find_allowed(0, allowed) ? std::max(1, CPU_COUNT(&allowed)) : hardware_threads();
}

int current_thread_id() noexcept {
  static thread_local const int id = static_cast<int>(syscall(SYS_gettid));
  return id;
}

int current_processor() noexcept { return sched_getcpu(); }

void move_thread(int thread_id, int processor) noexcept {
  cpu_set_t allowed, wanted;
  if (processor < 0 || processor >= CPU_SETSIZE || !find_allowed(thread_id, allowed)) return;
  if (!CPU_ISSET(processor, &allowed)) return;
  CPU_ZERO(&wanted);
  CPU_SET(processor, &wanted);
  move_within(thread_id, wanted, allowed);
}

void leave_processor(int processor) noexcept {
  cpu_set_t allowed;
  if (processor < 0 || processor >= CPU_SETSIZE || !find_allowed(0, allowed)) return;
  cpu_set_t wanted = allowed;
  CPU_CLR(processor, &wanted);
  if (CPU_COUNT(&wanted) != 0) move_within(0, wanted, allowed);
}

#else

int n_processors() noexcept { return hardware_threads(); }
int current_thread_id() noexcept { return 0; }
int current_processor() noexcept { return -1; }
void move_thread(int, int) noexcept {}
void leave_processor(int) noexcept {}

#endif

}  // namespace fluxmlx
