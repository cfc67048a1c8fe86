#include "engine/queue.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace fluxmlx::engine {

void Queue::check_limits(const Request& request, size_t n_free) const {
  if (waiting_.size() <= n_free) return;
  const size_t n = waiting_.size() - n_free + static_cast<size_t>(request.n);
  const size_t n_tokens = n_tokens_ + request.prompt.size() * static_cast<size_t>(request.n);
  if (n <= static_cast<size_t>(options_.max_queue) && n_tokens <= static_cast<size_t>(options_.max_queue_tokens)) {
    return;
  }
  fail(ErrorCode::queue_full, "the queue is full: ", waiting_.size(), " requests with ", n_tokens_,
       " prompt tokens wait, this one has ", request.prompt.size(), ", and the limits are ", options_.max_queue,
       " requests and ", options_.max_queue_tokens,
       " tokens; try again when some have ended, or load the model with a larger max_queue or max_queue_tokens");
}

void Queue::push(const Submitted& submitted, size_t n_free) {
  check_limits(submitted.request, n_free);
  for (int i = 0; i < submitted.request.n; ++i) {
    waiting_.push_back(submitted);
    waiting_.back().request.make_answer(i);
    n_tokens_ += submitted.request.prompt.size();
  }
}

std::optional<Submitted> Queue::pop() {
  if (waiting_.empty()) return std::nullopt;
  Submitted next = std::move(waiting_.front());
  waiting_.pop_front();
  n_tokens_ -= next.request.prompt.size();
  return next;
}

std::vector<Submitted> Queue::drop_unwanted() {
  const auto is_wanted = [](const Submitted& item) { return item.handle->wanted(); };
  const auto begin = std::stable_partition(waiting_.begin(), waiting_.end(), is_wanted);
  std::vector<Submitted> dropped(std::make_move_iterator(begin), std::make_move_iterator(waiting_.end()));
  waiting_.erase(begin, waiting_.end());
  for (const Submitted& item : dropped) n_tokens_ -= item.request.prompt.size();
  return dropped;
}

}  // namespace fluxmlx::engine
