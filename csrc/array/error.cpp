#include "array/error.h"

#include <mutex>
#include <new>
#include <utility>

#include "base/error.h"
#include "mlx/c/mlx.h"

namespace fluxmlx {
namespace {

// mlx-c reports on the thread that made the call, so the text waits here until check() reads it.
thread_local std::string last_error;

void keep_error(const char* message, void*) { last_error = message != nullptr ? message : "unknown MLX error"; }

}  // namespace

void install_mlx_error_handler() {
  static std::once_flag once;
  std::call_once(once, [] { mlx_set_error_handler(keep_error, nullptr, nullptr); });
  // A thread's own data is allocated when it is first touched, and glibc ends the process where that fails; so it is
  // touched while there is memory.
  last_error.clear();
}

std::string take_mlx_error() { return std::exchange(last_error, {}); }

void check(int status) {
  if (status == 0) return;
  const std::string text = take_mlx_error();
  // MLX carries an exception over from its own threads as its text alone.
  if (text.find("bad_alloc") != std::string::npos || text.find("[malloc") != std::string::npos) throw std::bad_alloc();
  fail(ErrorCode::runtime, "MLX: ", text.empty() ? "the call failed without a message" : text);
}

}  // namespace fluxmlx
