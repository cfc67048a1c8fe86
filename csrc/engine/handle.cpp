#include "engine/handle.h"

namespace fluxmlx::engine {

std::optional<Event> Handle::next(std::chrono::duration<double> timeout) {
  home_.check();
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, timeout, [this] { return !events_.empty() || error_ || cancelled_; });
  if (!events_.empty()) {
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  if (error_) throw Error(*error_);
  if (cancelled_) fluxmlx::fail(ErrorCode::cancelled, "the request was cancelled");
  return std::nullopt;
}

void Handle::cancel() noexcept {
  cancelled_ = true;
  // Not locked, so that it cannot fail: who misses this call sees the flag at the end of the wait.
  if (home_.is_here()) arrived_.notify_all();
}

void Handle::push(Event event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  arrived_.notify_one();
}

void Handle::fail(const Error& error) noexcept {
  {
    const std::lock_guard lock(mutex_);
    error_.emplace(error);
  }
  arrived_.notify_all();
}

}  // namespace fluxmlx::engine
