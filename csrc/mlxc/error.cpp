#include <cstdarg>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <string>

#include "fluxmlx/mlxc.h"
#include "handles.h"

namespace fluxmlx::mlxc {
namespace {

struct Handler {
  mlx_error_handler_func call = nullptr;
  std::shared_ptr<void> data;
};

// The C interface has one handler per process; the mutex guards its replacement.
struct HandlerSlot {
  std::mutex mutex;
  Handler handler;
};

HandlerSlot& slot() {
  static HandlerSlot* const instance = new HandlerSlot;  // never destroyed: arrays may fail while the process ends
  return *instance;
}

std::string& last_error() {
  thread_local std::string message;
  return message;
}

void deliver(const std::string& message) {
  Handler handler;
  {
    std::lock_guard<std::mutex> lock(slot().mutex);
    handler = slot().handler;
  }
  if (handler.call != nullptr) {
    handler.call(message.c_str(), handler.data.get());
  } else {
    last_error() = message;
  }
}

}  // namespace

void report_current_exception() noexcept {
  try {
    try {
      throw;
    } catch (const std::exception& error) {
      deliver(error.what());
    } catch (...) {
      deliver("an exception of an unknown type");
    }
  } catch (...) {
    // No memory for the text: the result code alone tells of the failure.
  }
}

}  // namespace fluxmlx::mlxc

using namespace fluxmlx::mlxc;

const char* fluxmlx_mlxc_last_error(void) { return last_error().c_str(); }

void mlx_set_error_handler(mlx_error_handler_func handler, void* data, void (*dtor)(void*)) {
  Handler next{handler, dtor != nullptr ? std::shared_ptr<void>(data, dtor)
                                        : std::shared_ptr<void>(std::shared_ptr<void>(), data)};
  std::lock_guard<std::mutex> lock(slot().mutex);
  std::swap(slot().handler, next);
}

void _mlx_error(const char* file, const int line, const char* fmt, ...) {
  va_list args;
  va_list again;
  va_start(args, fmt);
  va_copy(again, args);
  const int size = std::vsnprintf(nullptr, 0, fmt, args);
  va_end(args);
  guard([&] {
    std::string message(size > 0 ? static_cast<size_t>(size) : 0, '\0');
    std::vsnprintf(message.data(), message.size() + 1, fmt, again);
    deliver(message + " at " + file + ":" + std::to_string(line));
  });
  va_end(again);
}
