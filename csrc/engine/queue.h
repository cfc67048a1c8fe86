#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engine/handle.h"
#include "engine/options.h"
#include "engine/request.h"

namespace fluxmlx::engine {

using Clock = std::chrono::steady_clock;

// One answer that waits for its place.
struct Submitted {
  Request request;
  std::shared_ptr<Handle> handle;
  Clock::time_point time;
};

// Requests that wait, first come first served, with limits by count and by prompt tokens. Not locked: the engine is.
class Queue {
 public:
  explicit Queue(const Options& options) : options_(options) {}

  // One entry for each of the request's answers. Throws Error(queue_full) where a limit would be passed; but what
  // finds one of the `n_free` places, or waits alone, is never refused.
  void push(const Submitted& submitted, size_t n_free);

  std::optional<Submitted> pop();

  // Takes out what nobody wants any more, for the caller to destroy when nothing is locked.
  std::vector<Submitted> drop_unwanted();

  const Request& front() const { return waiting_.front().request; }
  bool empty() const noexcept { return waiting_.empty(); }
  size_t size() const noexcept { return waiting_.size(); }
  size_t n_tokens() const noexcept { return n_tokens_; }

 private:
  void check_limits(const Request& request, size_t n_free) const;

  const Options& options_;
  std::deque<Submitted> waiting_;
  size_t n_tokens_ = 0;
};

}  // namespace fluxmlx::engine
