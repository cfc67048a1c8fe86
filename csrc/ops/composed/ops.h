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

  Array embedding(const Weight& table, const Array& tokens) const override;
  std::vector<Array> norm_linear(const Array& x, const Norm& norm, std::span<const Linear> linears) const override;
  Array norm_gated(const Array& x, const Norm& norm, const Weight& gate, const Weight& up,
                   Activation activation) const override;
  Array linear_add(const Array& x, const Linear& linear, const Array& residual) const override;
  Array rope_positions(const Rope& rope, const Array& positions) const override;
  Array attention(const AttentionConfig& config, const Array& q, const Array& k, const Array& v,
                  const Array& rope_positions, std::span<const Rows> sequences) const override;

 private:
  Array product(const Array& x, const Weight& weight) const;  // (T, n_in) -> (T, n_out)
  Array heads(const Array& x, int n_heads, const AttentionConfig& config, const Norm& norm, bool rotate,
              const Array& positions) const;                              // (T, n * d) -> (T, n, 1, d)
  Array append(Array& cache, const Array& rows, const Rows& span) const;  // -> all positions (1, n, S, d)
  Array activate(const Array& x, Activation activation) const;

  Stream stream_;
  mlx_dtype dtype_;
};

}  // namespace fluxmlx::ops
