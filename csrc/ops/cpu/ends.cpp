// What comes before and after the layers.
#include "ops/cpu/ops.h"

namespace fluxmlx::ops {

using cpu::array;
using cpu::unwrap;

Array CpuOps::embedding(const Weight& table, const Array& tokens, float scale) const {
  auto kernel = [table, scale](const std::vector<array>& in, float* out) {
    const int64_t n_tokens = in[0].shape(0);
    kernels::embedding(cpu::host_matrix(table), in[0].data<int32_t>(), n_tokens, out);
    if (scale == 1) return;
    for (int64_t i = 0; i < n_tokens * table.n_in; ++i) out[i] *= scale;
  };
  return cpu::add_node(stream_, "fluxmlx_embedding", {unwrap(tokens)}, {tokens.dim(0), table.n_in}, std::move(kernel));
}

Array CpuOps::norm(const Array& x, const Norm& norm) const {
  auto kernel = [pool = pool_, norm](const std::vector<array>& in, float* out) {
    const int64_t n_tokens = in[0].shape(0), n = in[0].shape(1);
    kernels::norm_rows(*pool, in[0].data<float>(), n_tokens, n, cpu::host_norm(norm), out);
  };
  return cpu::add_node(stream_, "fluxmlx_norm", {unwrap(x)}, {x.dim(0), x.dim(1)}, std::move(kernel));
}

Array CpuOps::head(const Array& x, const Norm& norm, const Linear& linear, const LogitScale& scale) const {
  auto kernel = [pool = pool_, asking = asking_, norm, linear, scale](const std::vector<array>& in, float* out) {
    const int64_t n_tokens = in[0].shape(0);
    const kernels::Linear product = cpu::host_linear(linear, out);
    kernels::linear(*pool, in[0].data<float>(), n_tokens, cpu::host_norm(norm), {&product, 1}, asking->asks());
    if (scale.scale == 1 && scale.softcap == 0) return;
    kernels::scale_logits(*pool, out, n_tokens * linear.weight.n_out, scale.scale, scale.softcap);
  };
  return cpu::add_node(stream_, "fluxmlx_head", {unwrap(x)}, {x.dim(0), linear.weight.n_out}, std::move(kernel));
}

std::unique_ptr<Ops> make_cpu_ops(std::shared_ptr<ThreadPool> pool) {
  return std::make_unique<CpuOps>(std::move(pool));
}

}  // namespace fluxmlx::ops
