#include "engine/engine.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <utility>

namespace fluxmlx::engine {
namespace {

std::string megabytes(uint64_t n_bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(n_bytes) / 1e6 << " MB";
  return text.str();
}

const Error& closed_error() {
  static const Error error(ErrorCode::closed, "the engine was closed");
  return error;
}

}  // namespace

std::shared_ptr<Engine> Engine::start(Options options, Loader load) {
  const auto leave_to_parent = [](Engine* engine) {
    if (engine->home_.is_here()) delete engine;
  };
  return {new Engine(std::move(options), std::move(load)), leave_to_parent};
}

Engine::Engine(Options options, Loader load) : options_(std::move(options)), load_(std::move(load)), queue_(options_) {
  thread_ = std::thread([this] { run(); });
}

Engine::~Engine() { close(); }

void Engine::run() noexcept {
  std::optional<LoadedModel> model;
  try {
    model.emplace(load_(options_, progress_));
    info_ = model->info;
  } catch (...) {
    return finish_loading(std::current_exception());
  }
  finish_loading(nullptr);
  {
    Scheduler scheduler(*model->runner, options_, vocabulary_, *model->cache_store, counters_);
    serve(scheduler);
    scheduler.fail_all(closed_error());
  }
}

void Engine::finish_loading(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    loading_ = false;
    load_error_ = std::move(error);
  }
  changed_.notify_all();
}

bool Engine::wait_loaded(std::chrono::duration<double> timeout) {
  home_.check();
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, timeout, [this] { return !loading_; })) return false;
  if (load_error_) std::rethrow_exception(load_error_);
  return true;
}

// admit -> forward -> sample -> emit, until close().
void Engine::serve(Scheduler& scheduler) noexcept {
  while (!closing()) {
    drop_unwanted();
    while (std::optional<Submitted> next = take(scheduler)) {
      scheduler.admit(std::move(*next));
    }
    scheduler.step();
  }
}

bool Engine::closing() const {
  const std::lock_guard lock(mutex_);
  return closing_;
}

// The next that may start; waits where there is nothing to do at all.
std::optional<Submitted> Engine::take(Scheduler& scheduler) {
  std::unique_lock lock(mutex_);
  if (scheduler.idle()) changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
  if (closing_ || queue_.empty() || !scheduler.has_room_for(queue_.front())) return std::nullopt;
  return queue_.pop();
}

std::optional<Submitted> Engine::next_waiting() {
  const std::lock_guard lock(mutex_);
  return queue_.pop();
}

// What was cancelled while it waited. Destroyed unlocked: a request may own what only the caller's thread can free.
void Engine::drop_unwanted() {
  const uint64_t n_unwanted = *n_unwanted_;
  if (std::exchange(n_unwanted_seen_, n_unwanted) == n_unwanted) return;
  std::vector<Submitted> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped = queue_.drop_unwanted();
  }
  counters_.cancelled += dropped.size();
}

void Engine::check_loaded() const {
  home_.check();
  const std::lock_guard lock(mutex_);
  if (closing_) throw closed_error();
  if (loading_ || load_error_) fail(ErrorCode::invalid_argument, "the model is not loaded; wait_loaded() first");
}

const ModelInfo& Engine::info() const {
  check_loaded();
  return info_;
}

void Engine::set_vocabulary(Vocabulary vocabulary) {
  check_loaded();
  if (vocabulary.token_bytes.size() != static_cast<size_t>(info_.n_vocab)) {
    fail(ErrorCode::invalid_argument, "token_bytes has ", vocabulary.token_bytes.size(), " entries; expected ",
         info_.n_vocab, ", one for each row of token_embd.weight");
  }
  const std::lock_guard lock(mutex_);
  if (!vocabulary_.token_bytes.empty()) fail(ErrorCode::invalid_argument, "the engine has its vocabulary already");
  vocabulary_ = std::move(vocabulary);
}

void Engine::check(const Request& request) const {
  check_loaded();
  if (request.prompt.empty()) {
    fail(ErrorCode::invalid_argument, "the prompt has no tokens; give at least one");
  }
  for (const int32_t token : request.prompt) {
    if (token < 0 || token >= info_.n_vocab) {
      fail(ErrorCode::invalid_argument, "token id ", token, " is not in the vocabulary of 0 to ", info_.n_vocab - 1);
    }
  }
  if (request.prompt.size() > static_cast<size_t>(info_.n_ctx)) {
    fail(ErrorCode::invalid_argument, "the prompt has ", request.prompt.size(), " tokens and the context holds ",
         info_.n_ctx, "; shorten the prompt or load the model with a larger ctx");
  }
  check_room(request);
  const uint64_t n_bytes = request.prompt.size() * info_.cache_bytes_per_position;
  if (request.restored != nullptr && request.restored->size() != n_bytes) {
    fail(ErrorCode::invalid_file, "what was saved has ", request.restored->size(), " bytes of keys and values; ",
         request.prompt.size(), " tokens of this model have ", n_bytes);
  }
  sample::validate(request.sampling, info_.n_vocab);
  StopMatcher{request.stop};
}

// What may be accepted: one that has room when it is alone.
void Engine::check_room(const Request& request) const {
  const uint64_t answer = request.max_tokens < 0 ? 0 : static_cast<uint64_t>(request.max_tokens);
  const uint64_t positions = std::min<uint64_t>(request.prompt.size() + answer, static_cast<uint64_t>(info_.n_ctx));
  if (positions <= static_cast<uint64_t>(options_.n_positions)) return;
  fail(ErrorCode::out_of_memory, "the request needs ", positions, " positions of key/value cache, which are ",
       megabytes(positions * info_.cache_bytes_per_position), ", and max_memory holds ", options_.n_positions,
       ", which are ", megabytes(options_.max_memory),
       "; use a shorter prompt or fewer max_tokens, or load the model with a larger max_memory");
}

std::shared_ptr<Handle> Engine::submit(Request request, Delivery delivery) {
  check(request);
  auto handle = std::make_shared<Handle>(request.n, std::move(delivery), n_unwanted_);
  Submitted submitted{std::move(request), handle, Clock::now()};
  {
    const std::lock_guard lock(mutex_);
    if (closing_) throw closed_error();
    if (vocabulary_.token_bytes.empty()) fail(ErrorCode::invalid_argument, "no vocabulary yet; set_vocabulary() first");
    const uint64_t n_running = counters_.running, n_places = static_cast<uint64_t>(options_.max_sequences);
    queue_.push(submitted, n_places - std::min(n_running, n_places));
  }
  changed_.notify_all();
  return handle;
}

void Engine::close() {
  if (!home_.is_here()) return;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    progress_.stop = true;
  }
  changed_.notify_all();
  const std::lock_guard join(join_mutex_);
  if (thread_.joinable()) thread_.join();
  while (std::optional<Submitted> left = next_waiting()) {
    left->handle->fail(closed_error());
    ++counters_.failed;
  }
}

Stats Engine::stats() const {
  Stats stats;
  {
    const std::lock_guard lock(mutex_);
    stats.queued = queue_.size();
    stats.queued_tokens = queue_.n_tokens();
  }
  stats.running = counters_.running;
  stats.finished = counters_.finished;
  stats.failed = counters_.failed;
  stats.cancelled = counters_.cancelled;
  stats.prompt_tokens = counters_.prompt_tokens;
  stats.completion_tokens = counters_.completion_tokens;
  stats.drafted_tokens = counters_.drafted_tokens;
  stats.accepted_tokens = counters_.accepted_tokens;
  stats.preemptions = counters_.preemptions;
  stats.steps = counters_.steps;
  stats.busy_seconds = static_cast<double>(counters_.busy_ns) * 1e-9;
  stats.cached_tokens = counters_.cached_tokens;
  stats.cache_bytes = counters_.cache_bytes;
  stats.prefix_bytes = counters_.prefix_bytes;
  return stats;
}

}  // namespace fluxmlx::engine
