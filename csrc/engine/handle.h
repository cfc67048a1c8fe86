#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/process.h"
#include "engine/mailbox.h"
#include "engine/request.h"

namespace fluxmlx::engine {

// Where a handle says that it has news, for a caller who does not wait in take().
struct Delivery {
  std::shared_ptr<Mailbox> mailbox;  // or nobody
  uint64_t key = 0;
  bool whole = false;     // only of the end
  size_t max_unread = 0;  // bytes of events that may wait for the caller; one who is further behind is cut off; 0: any
};

// How many handles nobody wants any more, so that the engine looks through its queue only after there is another.
using UnwantedCount = std::atomic<uint64_t>;

// The caller's end of one request: events come out, a wish to stop goes in. Safe from any thread.
class Handle {
 public:
  Handle(int n_answers, Delivery delivery, std::shared_ptr<UnwantedCount> n_unwanted)
      : n_open_(n_answers), delivery_(std::move(delivery)), n_unwanted_(std::move(n_unwanted)) {}

  // What came since the last call, oldest first, after at most `timeout` of waiting for something, or, with `whole`,
  // for the end of all answers. Where nothing is left, throws what ended the request.
  std::vector<Event> take(std::chrono::duration<double> timeout, bool whole = false);

  // The engine drops the request before its next step; no further event is promised.
  void cancel() noexcept;

  // False once it was cancelled, or one of its answers failed: then the others are of no use.
  bool wanted() const noexcept { return !cancelled_ && !failed_; }

  // The engine's end.
  void push(Event event);
  void fail(const Error& error) noexcept;  // the last thing that comes; the first one counts

 private:
  void announce(bool is_end);

  HomeProcess home_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Event> events_;
  size_t unread_ = 0;  // bytes of events_, about
  std::optional<Error> error_;
  int n_open_;  // answers that have not ended
  bool announced_ = false;
  const Delivery delivery_;
  const std::shared_ptr<UnwantedCount> n_unwanted_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> failed_ = false;
};

}  // namespace fluxmlx::engine
