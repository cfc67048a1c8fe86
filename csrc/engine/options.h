#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/token_bytes.h"
#include "gguf/tensor_source.h"

namespace fluxmlx::engine {

// What an engine is started with.
struct Options {
  std::string path;                                  // of the GGUF file, or of what `source` was made of
  std::shared_ptr<const gguf::TensorSource> source;  // in place of a GGUF file; let go of once it is loaded
  std::string device = "auto";                       // auto, cpu, gpu
  std::string ops = "auto";                          // auto, kernels (ours, CPU only), composed (MLX's)
  std::string cache_type = "f16";
  int n_ctx = 0;                          // positions of one sequence; 0: as the model was trained
  int n_threads = 0;                      // 0: as many as this process may use
  int prefill_chunk = 0;                  // prompt tokens computed in one step, at most; 0: as the device likes
  int max_sequences = 0;                  // that run together; 0: as the device likes
  double target_latency = 0;              // seconds of a step in which some write; 0: as the device likes
  uint64_t max_memory = 0;                // bytes of all keys and values; 0: most of what the system has left
  int n_positions = 0;                    // of n_ctx, those that max_memory can hold; set by the load
  std::optional<uint64_t> prefix_memory;  // of these, bytes kept of what ended; 0: none; not set: a part
  std::optional<bool> speculation;        // where a request does not say; not set: where it cannot change an answer
  int max_queue = 4096;                   // requests that wait for a place
  int max_queue_tokens = 1 << 22;         // prompt tokens of those
};

// What the tokenizer knows of the tokens.
struct Vocabulary {
  TokenBytes token_bytes;        // empty for control tokens
  std::vector<int32_t> end_ids;  // tokens that end an answer
};

}  // namespace fluxmlx::engine
