#include "ops/cpu/stack.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "cache/block_store.h"

namespace fluxmlx::ops {
namespace cpu {

kernels::Activation to_kernel(Activation activation) {
  switch (activation) {
    case Activation::gelu_tanh:
      return kernels::Activation::gelu_tanh;
    case Activation::clamped:
      return kernels::Activation::clamped;
    default:
      return kernels::Activation::silu;
  }
}

namespace {

// Rows of n_ff that are computed at a time: what fits into n_floats, or more, because each slice reads the weights
// again.
int64_t gated_rows(int64_t n_tokens, int64_t n_floats, int64_t n_ff) {
  constexpr int64_t least = 128, groups = 48;  // whole groups of tokens for every kernel
  const int64_t most = std::max(least, n_floats / std::max<int64_t>(n_ff, 1));
  const int64_t n_slices = (n_tokens + most - 1) / most, n_rows = (n_tokens + n_slices - 1) / n_slices;
  return std::min(n_tokens, (n_rows + groups - 1) / groups * groups);
}

}  // namespace

LayerKernels::LayerKernels(std::shared_ptr<ThreadPool> pool, std::shared_ptr<kernels::AskingAhead> asking,
                           LayerStack stack)
    : pool_(std::move(pool)), asking_(std::move(asking)), stack_(std::move(stack)), experts_(pool_, asking_) {
  buffers_.ropes.resize(stack_.ropes.size());
}

// All layers have the same shapes. Attention's rows are dead when the gate is computed: both have one place.
void LayerKernels::reserve(int64_t n_tokens) {
  const Layer& layer = stack_.layers.front();
  const int64_t n_q = layer.qkv[0].weight.n_out, n_kv = layer.qkv[1].weight.n_out;
  const int64_t n_embd = layer.output.weight.n_out, n_ff = layer.gate.weight.n_out;
  const bool post_norms = !layer.attention_post_norm.weight.empty() || !layer.ffn_post_norm.weight.empty();
  const int64_t n_mixed = layer.parallel ? n_embd : 0, n_added = post_norms ? n_embd : 0;
  const int64_t n_attention = (n_q + 2 * n_kv) * n_tokens;
  Buffers& b = buffers_;
  b.n_gated = gated_rows(n_tokens, n_attention, n_ff);
  const int64_t n_shared = std::max(n_attention, b.n_gated * n_ff);
  int64_t n_all = (n_mixed + n_added + 1) * n_tokens + n_shared;
  for (const Rope& rope : stack_.ropes) n_all += rope.n_rot * n_tokens;
  auto* next = reinterpret_cast<float*>(memory_.reserve(static_cast<size_t>(n_all) * sizeof(float)));
  const auto take = [&](int64_t n) { return std::exchange(next, next + n * n_tokens); };
  b.gated = next;
  b.q = take(n_q), b.k = take(n_kv), b.v = take(n_kv);
  next = b.gated + n_shared;
  b.mixed = take(n_mixed), b.added = take(n_added);
  for (size_t i = 0; i < b.ropes.size(); ++i) b.ropes[i] = take(stack_.ropes[i].n_rot);
  b.q_scale = take(1);
}

void LayerKernels::fill_tables(std::span<const int32_t> positions) {
  const auto n_tokens = static_cast<int64_t>(positions.size());
  for (size_t i = 0; i < stack_.ropes.size(); ++i) {
    const Rope& rope = stack_.ropes[i];
    kernels::rope_table(positions.data(), n_tokens, host_data(rope.inv_freq), rope.n_rot / 2, rope.magnitude,
                        buffers_.ropes[i]);
  }
  if (stack_.query_scale.beta == 0) return;
  for (size_t t = 0; t < positions.size(); ++t) buffers_.q_scale[t] = query_scale(stack_.query_scale, positions[t]);
}

void LayerKernels::add_product(const Layer& layer, const Linear& linear, const Norm& norm, const float* x,
                               int64_t n_tokens, const float* base, float* y) {
  if (norm.weight.empty()) {
    const kernels::Linear product = host_linear(linear, y, base, layer.residual_scale);
    return kernels::linear(*pool_, x, n_tokens, {}, {&product, 1}, asking_->asks());
  }
  const kernels::Linear product = host_linear(linear, buffers_.added);
  kernels::linear(*pool_, x, n_tokens, {}, {&product, 1}, asking_->asks());
  kernels::add_normed(*pool_, buffers_.added, n_tokens, linear.weight.n_out, host_norm(norm), base, y);
}

void LayerKernels::run(std::span<const Span> spans, std::span<const int32_t> positions, const float* x, float* y) {
  const auto begin = std::chrono::steady_clock::now();
  run_layers(spans, positions, x, y);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  if (positions.size() == 1) asking_->took(time.count());
}

void LayerKernels::run_layers(std::span<const Span> spans, std::span<const int32_t> positions, const float* x,
                              float* y) {
  const auto n_tokens = static_cast<int64_t>(positions.size());
  reserve(n_tokens);
  fill_tables(positions);
  const Buffers& b = buffers_;
  for (size_t i = 0; i < stack_.layers.size(); ++i, x = y) {
    const Layer& layer = stack_.layers[i];
    float* mixed = layer.parallel ? b.mixed : y;  // the feed-forward part then reads x, too
    const kernels::Linear qkv[] = {host_linear(layer.qkv[0], b.q), host_linear(layer.qkv[1], b.k),
                                   host_linear(layer.qkv[2], b.v)};
    kernels::linear(*pool_, x, n_tokens, host_norm(layer.attention_norm), qkv, asking_->asks());
    attend(i, spans, n_tokens);
    add_product(layer, layer.output, layer.attention_post_norm, b.q, n_tokens, x, mixed);
    if (layer.experts.n != 0) {
      experts_.run(layer, mixed, n_tokens, mixed, y);
    } else {
      feed_forward(layer, layer.parallel ? x : mixed, n_tokens, mixed, y);
    }
  }
}

void LayerKernels::feed_forward(const Layer& layer, const float* x, int64_t n_tokens, const float* base, float* y) {
  kernels::Gated gated{host_matrix(layer.gate.weight), host_matrix(layer.up.weight), to_kernel(layer.activation)};
  gated.y = buffers_.gated;
  gated.gate_bias = host_data(layer.gate.bias), gated.up_bias = host_data(layer.up.bias);
  const int64_t n_embd = layer.down.weight.n_out;
  for (int64_t begin = 0; begin < n_tokens; begin += buffers_.n_gated) {
    const int64_t n = std::min(buffers_.n_gated, n_tokens - begin), at = begin * n_embd;
    kernels::gated_linear(*pool_, x + at, n, host_norm(layer.ffn_norm), gated, asking_->asks());
    add_product(layer, layer.down, layer.ffn_post_norm, buffers_.gated, n, base + at, y + at);
  }
}

}  // namespace cpu

namespace {

class CpuStack final : public Stack {
 public:
  CpuStack(const Stream& stream, std::shared_ptr<cpu::LayerKernels> layers)
      : stream_(stream), layers_(std::move(layers)) {}

  Array run(const Array& x, std::span<const int32_t> positions, std::span<const Rows> sequences) const override {
    std::vector<cpu::Span> spans;
    for (const Rows& rows : sequences) {
      const auto& cache = static_cast<const cache::BlockCache&>(*rows.cache);
      spans.push_back({rows.begin, rows.count, cache.length(), cache.view()});
    }
    std::vector<int32_t> at(positions.begin(), positions.end());
    auto kernel = [layers = layers_, spans = std::move(spans), at = std::move(at)](const std::vector<cpu::array>& in,
                                                                                   float* out) {
      layers->run(spans, at, in[0].data<float>(), out);
    };
    return cpu::add_node(stream_, "fluxmlx_layers", {cpu::unwrap(x)}, {x.dim(0), x.dim(1)}, std::move(kernel),
                         cpu::Result::over_input);
  }

 private:
  const Stream& stream_;
  std::shared_ptr<cpu::LayerKernels> layers_;
};

}  // namespace

std::unique_ptr<cache::KvStore> CpuOps::make_store(const cache::KvShape& shape) const {
  return std::make_unique<cache::BlockStore>(shape);
}

std::unique_ptr<Stack> CpuOps::stack(LayerStack layers) const {
  return std::make_unique<CpuStack>(stream_, std::make_shared<cpu::LayerKernels>(pool_, asking_, std::move(layers)));
}

}  // namespace fluxmlx::ops
