#pragma once

#include "base/scratch.h"
#include "cache/block_cache.h"
#include "kernels/asking_ahead.h"
#include "ops/cpu/experts.h"

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
  LayerKernels(std::shared_ptr<ThreadPool> pool, std::shared_ptr<kernels::AskingAhead> asking, LayerStack stack);

  // x (T, n_embd) -> y (T, n_embd), which may be x.
  void run(std::span<const Span> spans, std::span<const int32_t> positions, const float* x, float* y);

 private:
  // Working memory of a step, rows of each kind (T, n).
  struct Buffers {
    float *q, *k, *v, *mixed, *added;  // attention writes where it has read q
    float* gated;                      // (n_gated, n_ff)
    int64_t n_gated;
    float* q_scale;             // (T,)
    std::vector<float*> ropes;  // (T, n_rot)
  };

  void run_layers(std::span<const Span> spans, std::span<const int32_t> positions, const float* x, float* y);
  void reserve(int64_t n_tokens);
  void fill_tables(std::span<const int32_t> positions);
  void norm_in_place(const Norm& norm, int64_t n_tokens, float* x);
  void attend(size_t layer, std::span<const Span> spans, int64_t n_tokens);

  // y = base + what the feed-forward part gives for x; y may be either of them.
  void feed_forward(const Layer& layer, const float* x, int64_t n_tokens, const float* base, float* y);

  // y = base + the product of x, normed if there is such a norm; y may be the base.
  void add_product(const Layer& layer, const Linear& linear, const Norm& norm, const float* x, int64_t n_tokens,
                   const float* base, float* y);

  std::shared_ptr<ThreadPool> pool_;
  std::shared_ptr<kernels::AskingAhead> asking_;
  LayerStack stack_;
  ExpertKernels experts_;
  Scratch memory_;
  Buffers buffers_;
  std::vector<kernels::Sequence> sequences_;
};

}  // namespace fluxmlx::ops::cpu
