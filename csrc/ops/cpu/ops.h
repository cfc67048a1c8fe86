#pragma once

#include "kernels/asking_ahead.h"
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
  ThreadPool* pool() const override { return pool_.get(); }

  Array embedding(const Weight& table, const Array& tokens, float scale) const override;
  std::unique_ptr<Stack> stack(LayerStack layers) const override;
  std::unique_ptr<cache::KvStore> make_store(const cache::KvShape& shape) const override;
  Array norm(const Array& x, const Norm& norm) const override;
  Array head(const Array& x, const Norm& norm, const Linear& linear, const LogitScale& scale) const override;

 private:
  Stream stream_;
  std::shared_ptr<ThreadPool> pool_;
  std::shared_ptr<kernels::AskingAhead> asking_ = std::make_shared<kernels::AskingAhead>();
};

namespace cpu {

// Plain numbers for the kernels; null where there are none.
inline const float* host_data(const Array& a) { return a ? a.data_f32() : nullptr; }

inline kernels::InputNorm host_norm(const Norm& norm) { return {host_data(norm.weight), norm.eps, norm.centred}; }

// The memory of the bytes belongs to the Weight: MLX does not know of it.
inline kernels::Matrix host_matrix(const Weight& w) {
  return {w.type, w.bytes.get(), w.n_out, w.n_in,
          w.layout == Layout::packed ? kernels::Form::packed : kernels::Form::blocks};
}

inline kernels::Linear host_linear(const Linear& linear, float* y, const float* residual = nullptr, float scale = 1) {
  return {host_matrix(linear.weight), host_data(linear.bias), residual, y, scale};
}

}  // namespace cpu
}  // namespace fluxmlx::ops
