#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/process.h"
#include "engine/request.h"

namespace fluxmlx::engine {

// The caller's end of one request: events come out, a wish to stop goes in. Safe from any thread.
class Handle {
 public:
  // The next event, or nothing if none came in time. When no event is left, throws what ended the request.
  std::optional<Event> next(std::chrono::duration<double> timeout);

  // The engine drops the request before its next step; no further event is promised.
  void cancel() noexcept;
  bool cancelled() const noexcept { return cancelled_; }

  // The engine's end.
  void push(Event event);
  void fail(const Error& error) noexcept;  // the last thing that comes; allocates nothing

 private:
  HomeProcess home_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;
  std::optional<Error> error_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace fluxmlx::engine
