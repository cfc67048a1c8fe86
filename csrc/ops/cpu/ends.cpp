// What comes before and after the layers.
#include "ops/cpu/ops.h"

namespace fluxmlx::ops {

using cpu::array;
using cpu::unwrap;

Array CpuOps::embedding(const Weight& table, const Array& tokens) const {
  auto kernel = [table](const std::vector<array>& in, float* out) {
    kernels::embedding(cpu::host_matrix(table), in[0].data<int32_t>(), in[0].shape(0), out);
  };
  return cpu::add_node(stream_, "fluxmlx_embedding", {unwrap(tokens)}, {tokens.dim(0), table.n_in}, std::move(kernel));
}

Array CpuOps::rope_positions(const Rope& rope, const Array& positions) const {
  const int n_pairs = rope.n_rot / 2;
  auto kernel = [n_pairs](const std::vector<array>& in, float* out) {
    kernels::rope_table(in[0].data<int32_t>(), in[0].shape(0), in[1].data<float>(), n_pairs, 1.0f, out);
  };
  return cpu::add_node(stream_, "fluxmlx_rope_table", {unwrap(positions), unwrap(rope.inv_freq)},
                       {positions.dim(0), n_pairs, 2}, std::move(kernel));
}

Array CpuOps::norm_linear(const Array& x, const Norm& norm, const Linear& linear) const {
  auto kernel = [pool = pool_, norm, linear](const std::vector<array>& in, float* out) {
    const kernels::Linear product = cpu::host_linear(linear, out);
    kernels::linear(*pool, in[0].data<float>(), in[0].shape(0), cpu::host_norm(norm), {&product, 1});
  };
  return cpu::add_node(stream_, "fluxmlx_norm_linear", {unwrap(x)}, {x.dim(0), linear.weight.n_out}, std::move(kernel));
}

std::unique_ptr<Ops> make_cpu_ops(std::shared_ptr<ThreadPool> pool) {
  return std::make_unique<CpuOps>(std::move(pool));
}

}  // namespace fluxmlx::ops
