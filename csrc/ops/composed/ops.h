#pragma once

#include <array>
#include <map>

#include "ops/ops.h"

namespace fluxmlx::ops {

// Every operation from mlx-c's own; no data pointers and no evaluation inside, so it runs on any device.
class ComposedOps final : public Ops {
 public:
  ComposedOps(DeviceKind device, bool wide);

  const Stream& stream() const override { return stream_; }
  Layout weight_layout() const override { return Layout::quantized; }
  mlx_dtype dtype() const override { return dtype_; }
  ThreadPool* pool() const override { return nullptr; }

  Array embedding(const Weight& table, const Array& tokens, float scale) const override;
  std::unique_ptr<Stack> stack(LayerStack layers) const override;
  std::unique_ptr<cache::KvStore> make_store(const cache::KvShape& shape) const override;
  Array norm(const Array& x, const Norm& norm) const override;  // x where there is none
  Array head(const Array& x, const Norm& norm, const Linear& linear, const LogitScale& scale) const override;

  // What a step knows besides its rows.
  struct Step {
    const LayerStack& stack;
    Array positions;  // (T,) int32
    Array q_scale;    // (T, 1, 1, 1), or empty
    std::span<const Rows> sequences;
    std::map<std::array<int, 3>, Array> masks;  // by window, rows and positions: layers share them
  };

  // Layer `index` of the stack.
  Array layer(Step& step, int index, const Array& x) const;
  Array number(float value) const;  // in the dtype of the activations

 private:
  Array product(const Array& x, const Weight& weight) const;  // (T, n_in) -> (T, n_out)
  Array linear(const Array& x, const Linear& linear) const;   // with the bias, if there is one
  Array scaled(const Array& x, float factor) const;
  Array capped(const Array& x, float limit) const;
  Array gated(const Array& x, const Layer& layer) const;  // (T, n_embd) -> (T, n_ff)
  Array gate(const Array& gate, const Array& up, Activation activation) const;
  Array clamped(const Array& gate, const Array& up) const;
  Array expert_product(const Array& x, const Linear& stack, int n, const Array& chosen) const;
  Array shared_expert(const Array& normed, const Layer& layer) const;
  Array feed_experts(const Array& x, const Layer& layer) const;  // (T, n_embd) -> the same

  // q (T, n_heads * head_dim), k and v (T, n_kv_heads * head_dim) -> (T, n_heads * head_dim).
  // Rotates q and k, appends k and v to the caches of the step's sequences, attends causally.
  Array attention(Step& step, int layer, const Array& q, const Array& k, const Array& v) const;
  Array heads(const Array& x, const AttentionConfig& config, const Norm& norm) const;  // (T, n * d) -> (T, n, 1, d)
  Array rotate(const Array& x, const Step& step, int rope) const;                      // (T, n, 1, d)
  // q (1, n_heads, L, d), k and v (1, n_kv_heads, S, d), the last L of S positions -> (1, n_heads, L, d)
  Array attend(Step& step, const AttentionConfig& config, const Array& q, const Array& k, const Array& v) const;
  Array attend_capped(const AttentionConfig& config, const Array& q, const Array& k, const Array& v,
                      const Array& mask) const;
  Array window_mask(int window, int n_queries, int n_keys) const;         // (L, S), zero or minus infinity
  Array append(Array& cache, const Array& rows, const Rows& span) const;  // -> all positions (1, n, S, d)

  Stream stream_;
  mlx_dtype dtype_;
};

}  // namespace fluxmlx::ops
