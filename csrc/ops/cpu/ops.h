#pragma once

#include "kernels/kernels.h"
#include "ops/cpu/primitive.h"
#include "ops/ops.h"

namespace fluxmlx::ops {

// Every operation is one node of MLX's graph that runs our kernels over the file's own blocks.
class CpuOps final : public Ops {
 public:
  explicit CpuOps(std::shared_ptr<ThreadPool> pool) : stream_(DeviceKind::cpu), pool_(std::move(pool)) {}

  const Stream& stream() const override { return stream_; }
  Layout weight_layout() const override { return Layout::packed; }
  mlx_dtype dtype() const override { return MLX_FLOAT32; }

  Array embedding(const Weight& table, const Array& tokens) const override;
  std::vector<Array> norm_linear(const Array& x, const Norm& norm, std::span<const Linear> linears) const override;
  Array norm_gated(const Array& x, const Norm& norm, const Weight& gate, const Weight& up,
                   Activation activation) const override;
  Array linear_add(const Array& x, const Linear& linear, const Array& residual) const override;
  Array rope_positions(const Rope& rope, const Array& positions) const override;
  Array attention(const AttentionConfig& config, const Array& q, const Array& k, const Array& v,
                  const Array& rope_positions, std::span<const Rows> sequences) const override;

 private:
  Stream stream_;
  std::shared_ptr<ThreadPool> pool_;
};

namespace cpu {

// A matrix for the kernels, and the memory that it is in: MLX does not know of it.
struct HostMatrix {
  std::shared_ptr<const std::byte> memory;
  kernels::Matrix matrix;

  explicit HostMatrix(const Weight& w)
      : memory(w.bytes),
        matrix{w.type, w.bytes.get(), w.n_out, w.n_in,
               w.layout == Layout::packed ? kernels::Form::packed : kernels::Form::blocks} {}
};

inline kernels::Activation to_kernel(Activation activation) {
  return activation == Activation::silu ? kernels::Activation::silu : kernels::Activation::gelu_tanh;
}

}  // namespace cpu
}  // namespace fluxmlx::ops
