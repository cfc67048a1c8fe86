#include "engine/handle.h"

#include <utility>

namespace fluxmlx::engine {
namespace {

size_t bytes_of(const Event& event) {
  return sizeof(Event) + event.text.size() + event.bytes.size() +
         event.choice.top.size() * sizeof(sample::TokenLogprob);
}

}  // namespace

std::vector<Event> Handle::take(std::chrono::duration<double> timeout, bool whole) {
  home_.check();
  std::unique_lock lock(mutex_);
  const auto has_news = [this, whole] { return (whole ? n_open_ == 0 : !events_.empty()) || error_ || cancelled_; };
  // A wait of no time at all still sleeps for as long as the system's timers are coarse.
  if (timeout.count() > 0) arrived_.wait_for(lock, timeout, has_news);
  announced_ = false;
  unread_ = 0;
  if (!events_.empty()) return std::exchange(events_, {});
  if (error_) throw Error(*error_);
  if (cancelled_) fluxmlx::fail(ErrorCode::cancelled, "the request was cancelled");
  return {};
}

void Handle::cancel() noexcept {
  if (cancelled_.exchange(true)) return;
  ++*n_unwanted_;
  // Not locked, so that it cannot fail: who misses this call sees the flag at the end of the wait.
  if (home_.is_here()) arrived_.notify_all();
}

void Handle::push(Event event) {
  bool is_end = false, is_behind = false;
  {
    const std::lock_guard lock(mutex_);
    if (event.kind == Event::Kind::end) is_end = --n_open_ == 0;
    unread_ += bytes_of(event);
    is_behind = delivery_.max_unread > 0 && unread_ > delivery_.max_unread && event.kind == Event::Kind::token;
    events_.push_back(std::move(event));
  }
  if (is_behind) {
    fail({ErrorCode::cancelled, concat("the answer was cut off: more than ", delivery_.max_unread,
                                       " bytes of it wait to be read; read faster, or ask for less")});
  } else {
    announce(is_end);
  }
}

void Handle::fail(const Error& error) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!error_) error_.emplace(error);
    failed_ = true;
    ++*n_unwanted_;
  }
  announce(true);
}

// Once for all that comes between two calls of take().
void Handle::announce(bool is_end) {
  arrived_.notify_all();
  if (!delivery_.mailbox || (delivery_.whole && !is_end)) return;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(announced_, true)) return;
  }
  delivery_.mailbox->post(delivery_.key);
}

}  // namespace fluxmlx::engine
