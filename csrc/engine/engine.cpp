#include "engine/engine.h"

#include "array/functions.h"
#include "base/memory.h"

namespace fluxmlx::engine {
namespace {

const Error& closed_error() {
  static const Error error(ErrorCode::closed, "the engine was closed");
  return error;
}

}  // namespace

std::shared_ptr<Engine> Engine::start(Options options) {
  const auto leave_to_parent = [](Engine* engine) {
    if (engine->home_.is_here()) delete engine;
  };
  return {new Engine(std::move(options)), leave_to_parent};
}

Engine::Engine(Options options) : options_(std::move(options)) {
  thread_ = std::thread([this] { run(); });
}

Engine::~Engine() { close(); }

void Engine::run() noexcept {
  std::optional<LoadedModel> model;
  try {
    model.emplace(load_model(options_, progress_));
    info_ = model->info;
  } catch (...) {
    return finish_loading(std::current_exception());
  }
  finish_loading(nullptr);
  {
    Scheduler scheduler(*model->decoder, options_, vocabulary_, model->cache_shape);
    serve(scheduler);
    scheduler.fail_all(closed_error());
  }
  const bool on_gpu = model->info.device == "gpu";
  model.reset();
  if (on_gpu) mx::clear_cache();  // on a CPU it holds little, and would wait for the streams of every engine
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
    while (std::optional<Submitted> next = take(scheduler)) {
      scheduler.admit(std::move(next->request), std::move(next->handle), next->time);
    }
    scheduler.step();
  }
}

bool Engine::closing() const {
  const std::lock_guard lock(mutex_);
  return closing_;
}

// The next that may start; waits where there is nothing to do at all.
std::optional<Engine::Submitted> Engine::take(const Scheduler& scheduler) {
  std::unique_lock lock(mutex_);
  if (scheduler.idle()) changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
  if (closing_ || queue_.empty() || !scheduler.has_room()) return std::nullopt;
  Submitted next = std::move(queue_.front());
  queue_.pop_front();
  return next;
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
  const uint64_t room = request.max_tokens < 0 ? 0 : static_cast<uint64_t>(request.max_tokens);
  const uint64_t positions = std::min<uint64_t>(request.prompt.size() + room, static_cast<uint64_t>(info_.n_ctx));
  const uint64_t needed = positions * info_.cache_bytes_per_position;
  if (const uint64_t available = available_memory(); needed > available) {
    fail(ErrorCode::out_of_memory, "the request needs ", needed >> 20, " MiB of key/value cache for ", positions,
         " positions, and ", available >> 20, " MiB are available");
  }
  sample::validate(request.sampling, info_.n_vocab);
  StopMatcher{request.stop};
}

std::shared_ptr<Handle> Engine::submit(Request request) {
  check_loaded();
  check(request);
  auto handle = std::make_shared<Handle>();
  {
    const std::lock_guard lock(mutex_);
    if (closing_) throw closed_error();
    if (vocabulary_.token_bytes.empty()) fail(ErrorCode::invalid_argument, "no vocabulary yet; set_vocabulary() first");
    queue_.push_back({std::move(request), handle, Clock::now()});
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
  for (const Submitted& left : queue_) left.handle->fail(closed_error());
  queue_.clear();
}

}  // namespace fluxmlx::engine
