#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/handle.h"
#include "engine/model_loader.h"
#include "engine/options.h"
#include "engine/scheduler.h"

namespace fluxmlx::engine {

// One loaded model and the one thread that owns everything of MLX in it: streams, weights and caches are made,
// used and destroyed there. Callers hand requests in and take events out; every public method may be called from
// any thread.
class Engine {
 public:
  explicit Engine(Options options);  // starts the load and returns at once
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // True once the model is loaded, false when the time is over; throws what stopped the load.
  bool wait_loaded(std::chrono::duration<double> timeout);
  const LoadProgress& progress() const noexcept { return progress_; }
  const ModelInfo& info() const noexcept { return info_; }  // after wait_loaded()

  // Checks the request and queues it.
  std::shared_ptr<Handle> submit(Request request);

  // Ends what runs with ErrorCode::closed and waits for the thread. May be called more than once.
  void close();

 private:
  struct Submitted {
    Request request;
    std::shared_ptr<Handle> handle;
    Clock::time_point time;
  };

  void run();
  void serve(Scheduler& scheduler);
  std::deque<Submitted> take(const Scheduler& scheduler);
  void check(const Request& request) const;
  void finish_loading(std::exception_ptr error);

  Options options_;
  LoadProgress progress_;
  ModelInfo info_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Submitted> queue_;
  bool closing_ = false;
  bool loading_ = true;
  std::exception_ptr load_error_;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace fluxmlx::engine
