#pragma once

#include "base/scratch.h"
#include "kernels/asking_ahead.h"
#include "ops/cpu/ops.h"
#include "ops/cpu/route.h"

namespace fluxmlx::ops::cpu {

kernels::Activation to_kernel(Activation activation);

// The feed-forward part of a layer with experts: rows are gathered by expert, so that each expert's weights are read
// once for all of them. A row's result does not depend on who else went to its experts.
class ExpertKernels {
 public:
  ExpertKernels(std::shared_ptr<ThreadPool> pool, std::shared_ptr<kernels::AskingAhead> asking)
      : pool_(std::move(pool)), asking_(std::move(asking)) {}

  // y = base + what the part gives for x (n_tokens, n_embd); y may be the base.
  void run(const Layer& layer, const float* x, int64_t n_tokens, const float* base, float* y);

 private:
  // Working memory, rows of each kind.
  struct Buffers {
    float* normed;         // (n_tokens, n_embd)
    float* logits;         // (n_tokens, n)
    float* gathered;       // (n_slots, n_embd)
    float* gated;          // (n_slots, n_ff)
    float* given;          // (n_slots, n_embd)
    float* shared_gated;   // (n_tokens, n_ff of the shared expert)
    float* shared_given;   // (n_tokens, n_embd)
    float* shared_weight;  // (n_tokens,)
  };

  void reserve(const Layer& layer, int64_t n_tokens);
  void gather(int64_t n_embd);
  void feed(const Layer& layer);
  void feed_shared(const Layer& layer, int64_t n_tokens);
  void combine(const Layer& layer, int64_t n_tokens, const float* base, float* y);

  std::shared_ptr<ThreadPool> pool_;
  std::shared_ptr<kernels::AskingAhead> asking_;
  Scratch memory_;
  Buffers buffers_{};
  Routes routes_;
};

}  // namespace fluxmlx::ops::cpu
