#pragma once

#include "base/scratch.h"
#include "cache/block_cache.h"
#include "ops/cpu/ops.h"

namespace fluxmlx::ops::cpu {

// Rows that one sequence adds to its cache in this step. The blocks lie outside of MLX: the node that holds this keeps
// their memory.
struct Span {
  int begin, count, n_past;
  std::shared_ptr<const cache::BlockView> cache;
};

// The kernel calls of all layers, one after the other on the thread that asks: a step is one node of MLX's graph, and
// nothing is allocated in it once the batch has its size.
class LayerKernels {
 public:
  LayerKernels(std::shared_ptr<ThreadPool> pool, std::vector<Layer> layers);

  // Input 0 is x (T, n_embd), 1 the rope table.
  void run(std::span<const Span> spans, const std::vector<array>& inputs, float* y);

 private:
  // Working memory of a step, rows of each kind (T, n).
  struct Buffers {
    float *q, *k, *v, *attended, *mixed, *gated;
  };

  Buffers reserve(int64_t n_tokens);
  void attend(size_t layer, std::span<const Span> spans, const std::vector<array>& inputs, const Buffers& buffers);

  std::shared_ptr<ThreadPool> pool_;
  std::vector<Layer> layers_;
  Scratch memory_;
  std::vector<kernels::Sequence> sequences_;
};

}  // namespace fluxmlx::ops::cpu
