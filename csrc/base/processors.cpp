#include "base/processors.h"

#include <algorithm>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace fluxmlx {
namespace {

int hardware_threads() noexcept { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

#if defined(__linux__)
bool find_allowed(cpu_set_t& allowed) noexcept {
  CPU_ZERO(&allowed);
  return sched_getaffinity(0, sizeof allowed, &allowed) == 0;
}
#endif

}  // namespace

#if defined(__linux__)

int n_processors() noexcept {
  cpu_set_t allowed;
  // More than 1024 processors do not fit the fixed set: take the library's count then.
  return find_allowed(allowed) ? std::max(1, CPU_COUNT(&allowed)) : hardware_threads();
}

int current_processor() noexcept { return sched_getcpu(); }

void leave_processor(int processor) noexcept {
  cpu_set_t allowed;
  if (processor < 0 || processor >= CPU_SETSIZE || !find_allowed(allowed)) return;
  cpu_set_t others = allowed;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0) return;
  // The scheduler moves a thread whose set lacks the processor that it is on, and leaves it there when the set is
  // restored.
  if (sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
}

#else

int n_processors() noexcept { return hardware_threads(); }
int current_processor() noexcept { return -1; }
void leave_processor(int) noexcept {}

#endif

}  // namespace fluxmlx
