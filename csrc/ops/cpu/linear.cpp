#include "ops/cpu/ops.h"

namespace fluxmlx::ops {

using cpu::array;
using cpu::MatrixShape;
using cpu::unwrap;

Array CpuOps::new_bytes(const Shape& shape) const {
  const auto nothing = [](const std::vector<array>&, std::vector<array>&) {};
  const Array bytes = cpu::add_node(stream_, "fluxmlx_new_bytes", {}, {{shape, MLX_UINT8}}, nothing)[0];
  mx::eval(bytes);
  return bytes;
}

Array CpuOps::embedding(const Weight& table, const Array& tokens) const {
  auto kernel = [shape = MatrixShape(table)](const std::vector<array>& in, std::vector<array>& out) {
    kernels::embedding(shape.over(in[0]), in[1].data<int32_t>(), in[1].shape(0), out[0].data<float>());
  };
  return cpu::add_node(stream_, "fluxmlx_embedding", {unwrap(table.data), unwrap(tokens)},
                       {{{tokens.dim(0), table.n_in}}}, std::move(kernel))[0];
}

namespace {

// The products of input 0; the memory of weight i and of its bias follow from input `first`.
class Products {
 public:
  explicit Products(std::span<const Linear> linears) {
    for (const Linear& linear : linears) parts_.push_back({MatrixShape(linear.weight), bool(linear.bias)});
  }

  void run(ThreadPool& pool, const kernels::InputNorm& norm, const std::vector<array>& in, size_t first,
           std::vector<array>& out, const float* residual = nullptr) const {
    std::vector<kernels::Linear> work;
    for (size_t i = 0; i < parts_.size(); ++i) {
      kernels::Linear& item = work.emplace_back();
      item.w = parts_[i].shape.over(in[first++]);
      if (parts_[i].has_bias) item.bias = in[first++].data<float>();
      item.residual = residual;
      item.y = out[i].data<float>();
    }
    kernels::linear(pool, in[0].data<float>(), in[0].shape(0), norm, work);
  }

 private:
  struct Part {
    MatrixShape shape;
    bool has_bias;
  };
  std::vector<Part> parts_;
};

void append_inputs(std::vector<array>& inputs, const Linear& linear) {
  inputs.push_back(unwrap(linear.weight.data));
  if (linear.bias) inputs.push_back(unwrap(linear.bias));
}

}  // namespace

std::vector<Array> CpuOps::norm_linear(const Array& x, const Norm& norm, std::span<const Linear> linears) const {
  std::vector<array> inputs = {unwrap(x), unwrap(norm.weight)};
  std::vector<cpu::OutputSpec> outputs;
  for (const Linear& linear : linears) {
    append_inputs(inputs, linear);
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
  auto kernel = [pool = pool_, eps = norm.eps, gate = MatrixShape(gate), up = MatrixShape(up),
                 activation = cpu::to_kernel(activation)](const std::vector<array>& in, std::vector<array>& out) {
    kernels::gated_linear(*pool, in[0].data<float>(), in[0].shape(0), {in[1].data<float>(), eps}, gate.over(in[2]),
                          up.over(in[3]), activation, out[0].data<float>());
  };
  return cpu::add_node(stream_, "fluxmlx_norm_gated",
                       {unwrap(x), unwrap(norm.weight), unwrap(gate.data), unwrap(up.data)}, {{{x.dim(0), gate.n_out}}},
                       std::move(kernel))[0];
}

Array CpuOps::linear_add(const Array& x, const Linear& linear, const Array& residual) const {
  std::vector<array> inputs = {unwrap(x), unwrap(residual)};
  append_inputs(inputs, linear);
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
