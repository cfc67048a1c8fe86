#include "ops/composed/ops.h"

namespace fluxmlx::ops {
namespace {

class ComposedStack final : public Stack {
 public:
  ComposedStack(const ComposedOps& ops, std::vector<Layer> layers) : ops_(ops), layers_(std::move(layers)) {}

  Array run(const Array& x, const Array& rope_positions, std::span<const Rows> sequences) const override {
    Array y = x;
    for (size_t i = 0; i < layers_.size(); ++i) {
      y = ops_.layer(layers_[i], static_cast<int>(i), y, rope_positions, sequences);
    }
    return y;
  }

 private:
  const ComposedOps& ops_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Stack> ComposedOps::stack(std::vector<Layer> layers) const {
  return std::make_unique<ComposedStack>(*this, std::move(layers));
}

Array ComposedOps::layer(const Layer& layer, int index, const Array& x, const Array& rope_positions,
                         std::span<const Rows> sequences) const {
  const Array normed = mx::rms_norm(x, layer.attention_norm.weight, layer.attention_norm.eps, stream_);
  const Array q = linear(normed, layer.qkv[0]), k = linear(normed, layer.qkv[1]), v = linear(normed, layer.qkv[2]);
  const Array attended = attention(layer.attention, index, q, k, v, rope_positions, sequences);
  const Array mixed = mx::add(linear(attended, layer.output), x, stream_);
  return mx::add(linear(gated(mixed, layer), layer.down), mixed, stream_);
}

}  // namespace fluxmlx::ops
