#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cache/kv_cache.h"
#include "engine/capabilities.h"
#include "engine/options.h"
#include "engine/runner.h"
#include "load/loader.h"

namespace fluxmlx::engine {

// How far a load is; written by the engine's thread, read by anybody.
struct LoadProgress {
  std::atomic<uint64_t> done = 0;  // bytes
  std::atomic<uint64_t> total = 0;
  std::atomic<bool> stop = false;  // set by the caller who no longer wants it
};

// What is known of a loaded model.
struct ModelInfo {
  std::string path;
  std::string architecture;
  std::string ops;     // "kernels" or "composed"
  std::string device;  // "cpu" or "gpu"
  std::string cache_type;
  int n_vocab = 0, n_layers = 0, n_embd = 0, n_heads = 0, n_kv_heads = 0, head_dim = 0;
  int n_ctx = 0, n_ctx_train = 0, n_threads = 0;
  int cache_block_positions = 0;  // that the cache takes and keeps at once
  uint64_t file_bytes = 0, cache_bytes_per_position = 0, max_memory = 0;
  double load_seconds = 0;
  std::vector<load::ReportRow> tensors;
  std::vector<std::string> unused_tensors;
  Capabilities capabilities;
};

struct LoadedModel {
  std::unique_ptr<Runner> runner;
  std::unique_ptr<cache::KvStore> cache_store;
  ModelInfo info;
};

// Gives a model, on this thread. Completes `options` where it says "auto" or 0.
using Loader = std::function<LoadedModel(Options& options, LoadProgress& progress)>;

// Opens the file, checks that it fits into memory, and makes a decoder.
LoadedModel load_model(Options& options, LoadProgress& progress);

}  // namespace fluxmlx::engine
