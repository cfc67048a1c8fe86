#include "ops/cpu/stack.h"

namespace fluxmlx::ops {
namespace cpu {
namespace {

kernels::Activation to_kernel(Activation activation) {
  return activation == Activation::silu ? kernels::Activation::silu : kernels::Activation::gelu_tanh;
}

}  // namespace

LayerKernels::LayerKernels(std::shared_ptr<ThreadPool> pool, std::vector<Layer> layers)
    : pool_(std::move(pool)), layers_(std::move(layers)) {}

// All layers have the same shapes.
LayerKernels::Buffers LayerKernels::reserve(int64_t n_tokens) {
  const Layer& layer = layers_.front();
  const int64_t n_q = layer.qkv[0].weight.n_out, n_kv = layer.qkv[1].weight.n_out;
  const int64_t n_ff = layer.gate.n_out, n_embd = layer.gate.n_in;
  const int64_t n_all = (2 * n_q + 2 * n_kv + n_embd + n_ff) * n_tokens;
  auto* next = reinterpret_cast<float*>(memory_.reserve(static_cast<size_t>(n_all) * sizeof(float)));
  const auto take = [&](int64_t n) { return std::exchange(next, next + n * n_tokens); };
  return {take(n_q), take(n_kv), take(n_kv), take(n_q), take(n_embd), take(n_ff)};
}

void LayerKernels::run(std::span<const Span> spans, const std::vector<array>& inputs, float* y) {
  const int64_t n_tokens = inputs[0].shape(0);
  const Buffers b = reserve(n_tokens);
  const float* x = inputs[0].data<float>();
  for (size_t i = 0; i < layers_.size(); ++i, x = y) {
    const Layer& layer = layers_[i];
    const kernels::Linear qkv[] = {host_linear(layer.qkv[0], b.q), host_linear(layer.qkv[1], b.k),
                                   host_linear(layer.qkv[2], b.v)};
    kernels::linear(*pool_, x, n_tokens, host_norm(layer.attention_norm), qkv);
    attend(i, spans, inputs, b);
    const kernels::Linear output = host_linear(layer.output, b.mixed, x);
    kernels::linear(*pool_, b.attended, n_tokens, {}, {&output, 1});
    kernels::gated_linear(*pool_, b.mixed, n_tokens, host_norm(layer.ffn_norm), host_matrix(layer.gate),
                          host_matrix(layer.up), to_kernel(layer.activation), b.gated);
    const kernels::Linear down = host_linear(layer.down, y, b.mixed);
    kernels::linear(*pool_, b.gated, n_tokens, {}, {&down, 1});
  }
}

}  // namespace cpu

namespace {

class CpuStack final : public Stack {
 public:
  CpuStack(const Stream& stream, std::shared_ptr<ThreadPool> pool, std::vector<Layer> layers)
      : stream_(stream), layers_(std::make_shared<cpu::LayerKernels>(std::move(pool), std::move(layers))) {}

  Array run(const Array& x, const Array& rope_positions, std::span<const Rows> sequences) const override {
    std::vector<cpu::Span> spans;
    for (const Rows& rows : sequences) {
      const auto& cache = static_cast<const cache::BlockCache&>(*rows.cache);
      spans.push_back({rows.begin, rows.count, cache.length(), cache.view()});
    }
    auto kernel = [layers = layers_, spans = std::move(spans)](const std::vector<cpu::array>& in, float* out) {
      layers->run(spans, in, out);
    };
    return cpu::add_node(stream_, "fluxmlx_layers", {cpu::unwrap(x), cpu::unwrap(rope_positions)}, {x.dim(0), x.dim(1)},
                         std::move(kernel));
  }

 private:
  const Stream& stream_;
  std::shared_ptr<cpu::LayerKernels> layers_;
};

}  // namespace

std::unique_ptr<cache::KvStore> CpuOps::make_store(const cache::KvShape& shape) const {
  return std::make_unique<cache::BlockStore>(shape);
}

std::unique_ptr<Stack> CpuOps::stack(std::vector<Layer> layers) const {
  return std::make_unique<CpuStack>(stream_, pool_, std::move(layers));
}

}  // namespace fluxmlx::ops
