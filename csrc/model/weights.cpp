#include <cmath>

#include "base/error.h"
#include "model/decoder.h"

namespace fluxmlx::model {
namespace {

// Names as GGUF spells them: "blk.<layer>.<name>".
class LayerReader {
 public:
  LayerReader(const Config& config, load::Loader& loader, int layer)
      : config_(config), loader_(loader), prefix_(concat("blk.", layer, ".")) {}

  ops::Norm norm(const std::string& name, int n) { return {loader_.vector(prefix_ + name, n), config_.norm_eps}; }

  ops::Weight matrix(const std::string& name, int n_out, int n_in) {
    return loader_.matrix(prefix_ + name + ".weight", n_out, n_in);
  }

  ops::Linear linear(const std::string& name, int n_out, int n_in, bool may_have_bias) {
    const std::string bias = prefix_ + name + ".bias";
    ops::Linear result{matrix(name, n_out, n_in), {}};
    if (may_have_bias && loader_.has(bias)) result.bias = loader_.vector(bias, n_out);
    return result;
  }

 private:
  const Config& config_;
  load::Loader& loader_;
  std::string prefix_;
};

ops::Rope load_rope(const Config& config, load::Loader& loader) {
  const int n_pairs = config.n_rot / 2;
  std::vector<float> factors(static_cast<size_t>(n_pairs), 1.0f);
  if (loader.has("rope_freqs.weight")) factors = loader.floats("rope_freqs.weight", n_pairs);
  std::vector<float> inv_freq, wavelength;
  for (int i = 0; i < n_pairs; ++i) {
    if (!(std::isfinite(factors[i]) && factors[i] > 0)) {
      fail(ErrorCode::invalid_file, "rope_freqs.weight[", i, "] is ", factors[i], "; expected a positive number");
    }
    const double exponent = 2.0 * i / config.n_rot;
    const double length = std::pow(static_cast<double>(config.rope_base), exponent) * factors[i] * config.rope_scale;
    wavelength.push_back(static_cast<float>(length));
    inv_freq.push_back(static_cast<float>(1.0 / length));
  }
  return {config.n_rot, config.family->rope_interleaved, Array::from(inv_freq, {n_pairs}),
          Array::from(wavelength, {n_pairs})};
}

ops::Layer load_layer(const Config& config, load::Loader& loader, const ops::Rope& rope, int index) {
  LayerReader read(config, loader, index);
  const int q_dim = config.n_heads * config.head_dim;
  const int kv_dim = config.n_kv_heads * config.head_dim;
  const bool bias = config.family->qkv_bias;
  ops::Layer layer;
  layer.attention_norm = read.norm("attn_norm.weight", config.n_embd);
  layer.qkv = {read.linear("attn_q", q_dim, config.n_embd, bias), read.linear("attn_k", kv_dim, config.n_embd, bias),
               read.linear("attn_v", kv_dim, config.n_embd, bias)};
  layer.attention = {config.n_heads,
                     config.n_kv_heads,
                     config.head_dim,
                     1.0f / std::sqrt(static_cast<float>(config.head_dim)),
                     {},
                     {},
                     rope};
  if (config.family->qk_norm) {
    layer.attention.q_norm = read.norm("attn_q_norm.weight", config.head_dim);
    layer.attention.k_norm = read.norm("attn_k_norm.weight", config.head_dim);
  }
  layer.output = read.linear("attn_output", config.n_embd, q_dim, bias);
  layer.ffn_norm = read.norm("ffn_norm.weight", config.n_embd);
  layer.gate = read.matrix("ffn_gate", config.n_ff, config.n_embd);
  layer.up = read.matrix("ffn_up", config.n_ff, config.n_embd);
  layer.activation = config.family->activation;
  layer.down = read.linear("ffn_down", config.n_embd, config.n_ff, false);
  return layer;
}

}  // namespace

Weights load_weights(const Config& config, load::Loader& loader) {
  Weights weights;
  weights.embedding = loader.matrix("token_embd.weight", config.n_vocab, config.n_embd);
  weights.rope = load_rope(config, loader);
  for (int i = 0; i < config.n_layers; ++i) weights.layers.push_back(load_layer(config, loader, weights.rope, i));
  weights.output_norm = {loader.vector("output_norm.weight", config.n_embd), config.norm_eps};
  weights.head.weight =
      loader.has("output.weight") ? loader.matrix("output.weight", config.n_vocab, config.n_embd) : weights.embedding;
  loader.finish();
  return weights;
}

}  // namespace fluxmlx::model
