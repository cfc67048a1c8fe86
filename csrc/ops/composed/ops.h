#pragma once

#include "ops/ops.h"

namespace fluxmlx::ops {

// Every operation from mlx-c's own; no data pointers and no evaluation inside, so it runs on any device.
class ComposedOps final : public Ops {
 public:
  explicit ComposedOps(DeviceKind device);

  const Stream& stream() const override { return stream_; }
  Layout weight_layout() const override { return Layout::quantized; }
  mlx_dtype dtype() const override { return dtype_; }
  ThreadPool* pool() const override { return nullptr; }

  Array embedding(const Weight& table, const Array& tokens) const override;
  Array rope_positions(const Rope& rope, const Array& positions) const override;
  std::unique_ptr<Stack> stack(std::vector<Layer> layers) const override;
  std::unique_ptr<cache::KvStore> make_store(const cache::KvShape& shape) const override;
  Array norm_linear(const Array& x, const Norm& norm, const Linear& linear) const override;

  // Layer `index` of the stack.
  Array layer(const Layer& layer, int index, const Array& x, const Array& rope_positions,
              std::span<const Rows> sequences) const;

 private:
  Array product(const Array& x, const Weight& weight) const;  // (T, n_in) -> (T, n_out)
  Array linear(const Array& x, const Linear& linear) const;   // with the bias, if there is one
  Array gated(const Array& x, const Layer& layer) const;      // (T, n_embd) -> (T, n_ff)
  Array activate(const Array& x, Activation activation) const;

  // q (T, n_heads * head_dim), k and v (T, n_kv_heads * head_dim) -> (T, n_heads * head_dim).
  // Rotates q and k, appends k and v to the caches of `sequences`, attends causally.
  Array attention(const AttentionConfig& config, int layer, const Array& q, const Array& k, const Array& v,
                  const Array& rope_positions, std::span<const Rows> sequences) const;
  Array heads(const Array& x, int n_heads, const AttentionConfig& config, const Norm& norm, bool rotate,
              const Array& positions) const;                              // (T, n * d) -> (T, n, 1, d)
  Array append(Array& cache, const Array& rows, const Rows& span) const;  // -> all positions (1, n, S, d)

  Stream stream_;
  mlx_dtype dtype_;
};

}  // namespace fluxmlx::ops
