#include "ops/composed/ops.h"

namespace fluxmlx::ops {

// x (T, k or 1, 1, n_in), chosen (T, k) -> (T, k, 1, n_out)
Array ComposedOps::expert_product(const Array& x, const Linear& stack, int n, const Array& chosen) const {
  const Weight& w = stack.weight;
  const auto split = [&](const Array& a) { return mx::reshape(a, {n, w.n_out / n, a.dim(1)}, stream_); };
  Array y;
  if (w.layout == Layout::quantized) {
    const Array biases = w.biases ? split(w.biases) : Array();
    y = mx::gather_qmm(x, split(w.data), split(w.scales), biases, chosen, w.quantization, stream_);
  } else {
    y = mx::gather_mm(x, mx::transpose(split(w.data), {0, 2, 1}, stream_), chosen, stream_);
  }
  if (!stack.bias) return y;
  const Array bias = mx::take(mx::reshape(stack.bias, {n, w.n_out / n}, stream_), chosen, 0, stream_);  // (T, k, n_out)
  return mx::add(y, mx::reshape(bias, y.shape(), stream_), stream_);
}

Array ComposedOps::shared_expert(const Array& normed, const Layer& layer) const {
  const Array weight = mx::sigmoid(linear(normed, layer.experts.shared_router), stream_);
  const Array gated = gate(linear(normed, layer.gate), linear(normed, layer.up), layer.activation);
  return mx::multiply(linear(gated, layer.down), weight, stream_);
}

Array ComposedOps::feed_experts(const Array& x, const Layer& layer) const {
  const Experts& experts = layer.experts;
  const int n_rows = x.dim(0), n_embd = x.dim(1), k = experts.n_used;
  const Array normed = norm(x, layer.ffn_norm);
  const Array logits = linear(normed, experts.router);   // (T, n)
  const Array chosen = mx::largest(logits, k, stream_);  // (T, k)
  const Array shares = experts.share_of_all ? mx::softmax(logits, stream_) : logits;
  Array weights = mx::take_along(shares, chosen, stream_);
  if (!experts.share_of_all) weights = mx::softmax(weights, stream_);
  const Array rows = mx::reshape(normed, {n_rows, 1, 1, n_embd}, stream_);
  const Array gated = gate(expert_product(rows, experts.gate, experts.n, chosen),
                           expert_product(rows, experts.up, experts.n, chosen), layer.activation);
  const Array given = mx::reshape(expert_product(gated, experts.down, experts.n, chosen), {n_rows, k, n_embd}, stream_);
  const Array summed = mx::matmul(mx::reshape(weights, {n_rows, 1, k}, stream_), given, stream_);  // (T, 1, n_embd)
  const Array y = mx::reshape(summed, {n_rows, n_embd}, stream_);
  return experts.has_shared ? mx::add(y, shared_expert(normed, layer), stream_) : y;
}

}  // namespace fluxmlx::ops
