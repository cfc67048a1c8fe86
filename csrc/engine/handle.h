#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "engine/request.h"

namespace fluxmlx::engine {

// The caller's end of one request: events come out, a wish to stop goes in. Safe from any thread.
class Handle {
 public:
  // The next event, or nothing if none came in time.
  std::optional<Event> next(std::chrono::duration<double> timeout);

  // The engine drops the request before its next step; no further event is promised.
  void cancel() noexcept { cancelled_ = true; }
  bool cancelled() const noexcept { return cancelled_; }

  void push(Event event);

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace fluxmlx::engine
