#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/process.h"
#include "engine/handle.h"
#include "engine/model_loader.h"
#include "engine/options.h"
#include "engine/queue.h"
#include "engine/scheduler.h"

namespace fluxmlx::engine {

// One loaded model and the one thread that owns everything of MLX in it: streams, weights and caches are made,
// used and destroyed there. Callers hand requests in and take events out; every public method may be called from
// any thread.
class Engine {
 public:
  // Starts the load and returns at once. In a fork of this process the last reference lets the copy leak, because
  // there is no thread to wait for and its locks may be held for ever.
  static std::shared_ptr<Engine> start(Options options, Loader load = load_model);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // True once the model is loaded, false when the time is over; throws what stopped the load.
  bool wait_loaded(std::chrono::duration<double> timeout);
  const LoadProgress& progress() const noexcept { return progress_; }
  const ModelInfo& info() const;  // fails before wait_loaded() gave true

  // What submit() waits for: it comes after the load has started, because a tokenizer takes as long to build. Once.
  void set_vocabulary(Vocabulary vocabulary);

  // Throws what submit() would throw of the request itself.
  void check(const Request& request) const;

  // Checks the request and queues it.
  std::shared_ptr<Handle> submit(Request request, Delivery delivery = {});

  Stats stats() const;

  // Ends what runs with ErrorCode::closed and waits for the thread. May be called more than once.
  void close();

 private:
  Engine(Options options, Loader load);

  void run() noexcept;
  void serve(Scheduler& scheduler) noexcept;
  std::optional<Submitted> take(Scheduler& scheduler);
  std::optional<Submitted> next_waiting();
  void drop_unwanted();
  bool closing() const;
  void check_loaded() const;
  void check_room(const Request& request) const;
  void finish_loading(std::exception_ptr error);

  Options options_;
  Loader load_;
  Vocabulary vocabulary_;
  LoadProgress progress_;
  ModelInfo info_;
  HomeProcess home_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Queue queue_;
  const std::shared_ptr<UnwantedCount> n_unwanted_ = std::make_shared<UnwantedCount>(0);
  uint64_t n_unwanted_seen_ = 0;  // by the engine's thread
  Counters counters_;
  bool closing_ = false;
  bool loading_ = true;
  std::exception_ptr load_error_;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace fluxmlx::engine
