#include "ops/cpu/experts.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fluxmlx::ops::cpu {
namespace {

// Matrix `index` of a stack, of n_rows rows.
kernels::Matrix matrix_of(const Weight& stack, int64_t index, int64_t n_rows) {
  kernels::Matrix matrix = host_matrix(stack);
  const TensorTypeInfo& info = tensor_type_info(stack.type);
  const int64_t n_bytes = matrix.form == kernels::Form::packed
                              ? kernels::packed_bytes(stack.type, n_rows, stack.n_in)
                              : n_rows * (stack.n_in / info.block_size) * static_cast<int64_t>(info.block_bytes);
  matrix.data += index * n_bytes;
  matrix.n_rows = n_rows;
  return matrix;
}

const float* bias_of(const Linear& stack, int64_t index, int64_t n_rows) {
  return stack.bias ? host_data(stack.bias) + index * n_rows : nullptr;
}

kernels::Gated gated_of(const Layer& layer, float* y) {
  kernels::Gated gated{host_matrix(layer.gate.weight), host_matrix(layer.up.weight), to_kernel(layer.activation), y};
  gated.gate_bias = host_data(layer.gate.bias), gated.up_bias = host_data(layer.up.bias);
  return gated;
}

}  // namespace

void ExpertKernels::reserve(const Layer& layer, int64_t n_tokens) {
  const Experts& experts = layer.experts;
  const int64_t n_embd = experts.router.weight.n_in, n_slots = n_tokens * experts.n_used;
  const int64_t n_ff = experts.gate.weight.n_out / experts.n, n_shared = layer.gate.weight.n_out;
  const int64_t n_all = n_tokens * (2 * n_embd + experts.n + n_shared + 1) + n_slots * (2 * n_embd + n_ff);
  auto* next = reinterpret_cast<float*>(memory_.reserve(static_cast<size_t>(n_all) * sizeof(float)));
  const auto take = [&](int64_t n) { return std::exchange(next, next + n); };
  Buffers& b = buffers_;
  b.normed = take(n_tokens * n_embd), b.logits = take(n_tokens * experts.n);
  b.gathered = take(n_slots * n_embd), b.gated = take(n_slots * n_ff), b.given = take(n_slots * n_embd);
  b.shared_gated = take(n_tokens * n_shared), b.shared_given = take(n_tokens * n_embd),
  b.shared_weight = take(n_tokens);
}

void ExpertKernels::gather(int64_t n_embd) {
  for (size_t slot = 0; slot < routes_.row.size(); ++slot) {
    const float* row = buffers_.normed + routes_.row[slot] * n_embd;
    std::copy_n(row, n_embd, buffers_.gathered + static_cast<int64_t>(slot) * n_embd);
  }
}

void ExpertKernels::feed(const Layer& layer) {
  const Experts& experts = layer.experts;
  const int64_t n_embd = experts.router.weight.n_in, n_ff = experts.gate.weight.n_out / experts.n;
  for (int i = 0; i < experts.n; ++i) {
    const int64_t begin = routes_.begin[i], count = routes_.begin[i + 1] - begin;
    if (count == 0) continue;
    kernels::Gated gated{matrix_of(experts.gate.weight, i, n_ff), matrix_of(experts.up.weight, i, n_ff),
                         to_kernel(layer.activation), buffers_.gated + begin * n_ff};
    gated.gate_bias = bias_of(experts.gate, i, n_ff), gated.up_bias = bias_of(experts.up, i, n_ff);
    kernels::gated_linear(*pool_, buffers_.gathered + begin * n_embd, count, {}, gated, asking_->asks());
    const kernels::Linear down{matrix_of(experts.down.weight, i, n_embd), bias_of(experts.down, i, n_embd), nullptr,
                               buffers_.given + begin * n_embd};
    kernels::linear(*pool_, buffers_.gated + begin * n_ff, count, {}, {&down, 1}, asking_->asks());
  }
}

void ExpertKernels::feed_shared(const Layer& layer, int64_t n_tokens) {
  const Buffers& b = buffers_;
  kernels::gated_linear(*pool_, b.normed, n_tokens, {}, gated_of(layer, b.shared_gated), asking_->asks());
  const kernels::Linear down = host_linear(layer.down, b.shared_given);
  kernels::linear(*pool_, b.shared_gated, n_tokens, {}, {&down, 1}, asking_->asks());
  const kernels::Linear weight = host_linear(layer.experts.shared_router, b.shared_weight);
  kernels::linear(*pool_, b.normed, n_tokens, {}, {&weight, 1}, asking_->asks());
}

// The sums of a row run over its experts by falling weight, then the shared one.
void ExpertKernels::combine(const Layer& layer, int64_t n_tokens, const float* base, float* y) {
  const int64_t n = layer.experts.router.weight.n_in;
  const int n_used = layer.experts.n_used;
  pool_->parallel_for(n_tokens, [&](int64_t t, int) {
    float* row = buffers_.normed + t * n;  // has been read
    std::fill_n(row, n, 0.0f);
    const auto add = [&](float weight, const float* given) {
      for (int64_t i = 0; i < n; ++i) row[i] += weight * given[i];
    };
    for (int64_t i = t * n_used; i < (t + 1) * n_used; ++i) {
      add(routes_.weight[i], buffers_.given + routes_.slot[i] * n);
    }
    if (layer.experts.has_shared) add(1 / (1 + std::exp(-buffers_.shared_weight[t])), buffers_.shared_given + t * n);
    for (int64_t i = 0; i < n; ++i) y[t * n + i] = base[t * n + i] + layer.residual_scale * row[i];
  });
}

void ExpertKernels::run(const Layer& layer, const float* x, int64_t n_tokens, const float* base, float* y) {
  const int64_t n_embd = layer.experts.router.weight.n_in;
  reserve(layer, n_tokens);
  kernels::norm_rows(*pool_, x, n_tokens, n_embd, host_norm(layer.ffn_norm), buffers_.normed);
  const kernels::Linear router = host_linear(layer.experts.router, buffers_.logits);
  kernels::linear(*pool_, buffers_.normed, n_tokens, {}, {&router, 1}, asking_->asks());
  route(layer.experts, buffers_.logits, n_tokens, routes_);
  gather(n_embd);
  feed(layer);
  if (layer.experts.has_shared) feed_shared(layer, n_tokens);
  combine(layer, n_tokens, base, y);
}

}  // namespace fluxmlx::ops::cpu
