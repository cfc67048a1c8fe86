#include "base/error.h"
#include "ops/composed/ops.h"

namespace fluxmlx::ops {

// MLX has no half-precision path worth the name on CPUs, and its GPU kernels want float16 beside
// GGUF's float16 scales: any wider scale would widen the whole operation.
ComposedOps::ComposedOps(DeviceKind device, bool wide)
    : stream_(device), dtype_(device == DeviceKind::gpu && !wide ? MLX_FLOAT16 : MLX_FLOAT32) {}

Array ComposedOps::product(const Array& x, const Weight& weight) const {
  if (weight.layout == Layout::quantized) {
    return mx::quantized_matmul(x, weight.data, weight.scales, weight.biases, weight.quantization, stream_);
  }
  return mx::matmul(x, mx::transpose(weight.data, {1, 0}, stream_), stream_);
}

Array ComposedOps::number(float value) const { return mx::astype(Array::scalar(value), dtype_, stream_); }

Array ComposedOps::scaled(const Array& x, float factor) const {
  return factor == 1 ? x : mx::multiply(x, number(factor), stream_);
}

Array ComposedOps::capped(const Array& x, float limit) const {
  if (limit == 0) return x;
  return scaled(mx::tanh(scaled(x, 1 / limit), stream_), limit);
}

Array ComposedOps::norm(const Array& x, const Norm& norm) const {
  if (norm.weight.empty()) return x;
  return norm.centred ? mx::layer_norm(x, norm.weight, norm.eps, stream_)
                      : mx::rms_norm(x, norm.weight, norm.eps, stream_);
}

Array ComposedOps::embedding(const Weight& table, const Array& tokens, float scale) const {
  const Array rows = mx::take(table.data, tokens, 0, stream_);
  if (table.layout == Layout::dense) return scaled(mx::astype(rows, dtype_, stream_), scale);
  const Array scales = mx::take(table.scales, tokens, 0, stream_);
  const Array biases = table.biases ? mx::take(table.biases, tokens, 0, stream_) : Array();
  return scaled(mx::dequantize(rows, scales, biases, table.quantization, dtype_, stream_), scale);
}

Array ComposedOps::linear(const Array& x, const Linear& linear) const {
  const Array y = product(x, linear.weight);
  return linear.bias ? mx::add(y, linear.bias, stream_) : y;
}

Array ComposedOps::head(const Array& x, const Norm& norm, const Linear& linear, const LogitScale& scale) const {
  return capped(scaled(this->linear(this->norm(x, norm), linear), scale.scale), scale.softcap);
}

Array ComposedOps::clamped(const Array& gate, const Array& up) const {
  const Array bounded = mx::minimum(gate, number(7), stream_);
  const Array logistic = mx::sigmoid(scaled(bounded, 1.702f), stream_);
  const Array shifted =
      mx::add(mx::maximum(mx::minimum(up, number(7), stream_), number(-7), stream_), number(1), stream_);
  return mx::multiply(mx::multiply(bounded, logistic, stream_), shifted, stream_);
}

Array ComposedOps::gate(const Array& x, const Array& up, Activation activation) const {
  if (activation == Activation::clamped) return clamped(x, up);
  if (activation == Activation::silu) {
    return mx::multiply(mx::multiply(x, mx::sigmoid(x, stream_), stream_), up, stream_);
  }
  // gelu(x) = x / 2 (1 + tanh(u)) = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
  const Array square = mx::multiply(x, x, stream_);
  const Array cubic = mx::add(scaled(square, 0.044715f), number(1), stream_);
  const Array u = scaled(mx::multiply(x, cubic, stream_), 1.5957691216f);
  return mx::multiply(mx::multiply(x, mx::sigmoid(u, stream_), stream_), up, stream_);
}

Array ComposedOps::gated(const Array& x, const Layer& layer) const {
  const Array normed = norm(x, layer.ffn_norm);
  return gate(linear(normed, layer.gate), linear(normed, layer.up), layer.activation);
}

std::unique_ptr<Ops> make_composed_ops(DeviceKind device, bool wide) {
  return std::make_unique<ComposedOps>(device, wide);
}

}  // namespace fluxmlx::ops
