#include "ops/cpu/ops.h"

namespace fluxmlx::ops {

using cpu::array;
using cpu::HostMatrix;
using cpu::unwrap;

Array CpuOps::embedding(const Weight& table, const Array& tokens) const {
  auto kernel = [w = HostMatrix(table)](const std::vector<array>& in, std::vector<array>& out) {
    kernels::embedding(w.matrix, in[0].data<int32_t>(), in[0].shape(0), out[0].data<float>());
  };
  return cpu::add_node(stream_, "fluxmlx_embedding", {unwrap(tokens)}, {{{tokens.dim(0), table.n_in}}},
                       std::move(kernel))[0];
}

namespace {

// The products of input 0; the biases are the inputs from `first`.
class Products {
 public:
  explicit Products(std::span<const Linear> linears) {
    for (const Linear& linear : linears) parts_.push_back({HostMatrix(linear.weight), bool(linear.bias)});
  }

  void run(ThreadPool& pool, const kernels::InputNorm& norm, const std::vector<array>& in, size_t first,
           std::vector<array>& out, const float* residual = nullptr) const {
    std::vector<kernels::Linear> work;
    for (size_t i = 0; i < parts_.size(); ++i) {
      kernels::Linear& item = work.emplace_back();
      item.w = parts_[i].weight.matrix;
      if (parts_[i].has_bias) item.bias = in[first++].data<float>();
      item.residual = residual;
      item.y = out[i].data<float>();
    }
    kernels::linear(pool, in[0].data<float>(), in[0].shape(0), norm, work);
  }

 private:
  struct Part {
    HostMatrix weight;
    bool has_bias;
  };
  std::vector<Part> parts_;
};

void append_bias(std::vector<array>& inputs, const Linear& linear) {
  if (linear.bias) inputs.push_back(unwrap(linear.bias));
}

}  // namespace

std::vector<Array> CpuOps::norm_linear(const Array& x, const Norm& norm, std::span<const Linear> linears) const {
  std::vector<array> inputs = {unwrap(x), unwrap(norm.weight)};
  std::vector<cpu::OutputSpec> outputs;
  for (const Linear& linear : linears) {
    append_bias(inputs, linear);
    outputs.push_back({{x.dim(0), linear.weight.n_out}});
  }
  auto kernel = [pool = pool_, eps = norm.eps, products = Products(linears)](const std::vector<array>& in,
                                                                             std::vector<array>& out) {
    products.run(*pool, {in[1].data<float>(), eps}, in, 2, out);
  };
  return cpu::add_node(stream_, "fluxmlx_norm_linear", std::move(inputs), outputs, std::move(kernel));
}

Array CpuOps::norm_gated(const Array& x, const Norm& norm, const Weight& gate, const Weight& up,
                         Activation activation) const {
  auto kernel = [pool = pool_, eps = norm.eps, gate = HostMatrix(gate), up = HostMatrix(up),
                 activation = cpu::to_kernel(activation)](const std::vector<array>& in, std::vector<array>& out) {
    kernels::gated_linear(*pool, in[0].data<float>(), in[0].shape(0), {in[1].data<float>(), eps}, gate.matrix,
                          up.matrix, activation, out[0].data<float>());
  };
  return cpu::add_node(stream_, "fluxmlx_norm_gated", {unwrap(x), unwrap(norm.weight)}, {{{x.dim(0), gate.n_out}}},
                       std::move(kernel))[0];
}

Array CpuOps::linear_add(const Array& x, const Linear& linear, const Array& residual) const {
  std::vector<array> inputs = {unwrap(x), unwrap(residual)};
  append_bias(inputs, linear);
  auto kernel = [pool = pool_, products = Products(std::span(&linear, 1))](const std::vector<array>& in,
                                                                           std::vector<array>& out) {
    products.run(*pool, {}, in, 2, out, in[1].data<float>());
  };
  return cpu::add_node(stream_, "fluxmlx_linear_add", std::move(inputs), {{{x.dim(0), linear.weight.n_out}}},
                       std::move(kernel))[0];
}

std::unique_ptr<Ops> make_cpu_ops(std::shared_ptr<ThreadPool> pool) {
  return std::make_unique<CpuOps>(std::move(pool));
}

}  // namespace fluxmlx::ops
