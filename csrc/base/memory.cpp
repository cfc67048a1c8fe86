#include "base/memory.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <new>
#include <string>

#include "base/memory_quota.h"

#ifdef __APPLE__
#include <sys/sysctl.h>
#elif defined(__GLIBC__)
#include <malloc.h>
#endif

namespace fluxmlx {
namespace {

constexpr uint64_t kUnknown = std::numeric_limits<uint64_t>::max();

#ifdef __APPLE__
uint64_t system_available() {
  uint64_t total = 0;
  size_t size = sizeof total;
  return sysctlbyname("hw.memsize", &total, &size, nullptr, 0) == 0 ? total / 4 * 3 : kUnknown;
}
#else
uint64_t system_available() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  uint64_t kib = 0;
  for (std::string unit; meminfo >> key >> kib; std::getline(meminfo, unit)) {
    if (key == "MemAvailable:") return kib * 1024;
  }
  return kUnknown;
}
#endif

}  // namespace

uint64_t available_memory() { return std::min(system_available(), memory_quota("/").value_or(kUnknown)); }

void probe_memory(uint64_t n_bytes) {
  constexpr uint64_t small = 64 << 10;  // comes from memory that the process has
  if (n_bytes < small) return;
  void* volatile probe = std::malloc(n_bytes + small);  // volatile: the pair may not be left out
  if (probe == nullptr) throw std::bad_alloc();
  std::free(probe);  // never touched, so it costs two system calls
}

void release_memory() noexcept {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace fluxmlx
