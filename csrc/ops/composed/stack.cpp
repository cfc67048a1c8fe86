#include "ops/composed/ops.h"

namespace fluxmlx::ops {
namespace {

class ComposedStack final : public Stack {
 public:
  ComposedStack(const ComposedOps& ops, LayerStack stack) : ops_(ops), stack_(std::move(stack)) {}

  Array run(const Array& x, std::span<const int32_t> positions, std::span<const Rows> sequences) const override {
    ComposedOps::Step step{stack_, Array::from(positions), query_scales(positions), sequences, {}};
    Array y = x;
    for (size_t i = 0; i < stack_.layers.size(); ++i) y = ops_.layer(step, static_cast<int>(i), y);
    return y;
  }

 private:
  Array query_scales(std::span<const int32_t> positions) const {
    if (stack_.query_scale.beta == 0) return {};
    std::vector<float> scales;
    for (const int32_t position : positions) scales.push_back(query_scale(stack_.query_scale, position));
    const Array wide = Array::from(scales, {static_cast<int>(scales.size()), 1, 1, 1});
    return mx::astype(wide, ops_.dtype(), ops_.stream());
  }

  const ComposedOps& ops_;
  LayerStack stack_;
};

}  // namespace

std::unique_ptr<Stack> ComposedOps::stack(LayerStack layers) const {
  return std::make_unique<ComposedStack>(*this, std::move(layers));
}

Array ComposedOps::layer(Step& step, int index, const Array& x) const {
  const Layer& layer = step.stack.layers[index];
  const Array normed = norm(x, layer.attention_norm);
  const Array q = linear(normed, layer.qkv[0]), k = linear(normed, layer.qkv[1]), v = linear(normed, layer.qkv[2]);
  const Array attended = norm(linear(attention(step, index, q, k, v), layer.output), layer.attention_post_norm);
  const Array mixed = mx::add(scaled(attended, layer.residual_scale), x, stream_);
  const Array& input = layer.parallel ? x : mixed;
  const Array fed = layer.experts.n != 0 ? feed_experts(input, layer) : linear(gated(input, layer), layer.down);
  return mx::add(scaled(norm(fed, layer.ffn_post_norm), layer.residual_scale), mixed, stream_);
}

}  // namespace fluxmlx::ops
