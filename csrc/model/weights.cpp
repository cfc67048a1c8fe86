#include "base/error.h"
#include "model/decoder.h"

namespace fluxmlx::model {
namespace {

// Names as GGUF spells them: "blk.<layer>.<name>".
class LayerReader {
 public:
  LayerReader(const Config& config, load::Loader& loader, int layer)
      : config_(config), loader_(loader), prefix_(concat("blk.", layer, ".")) {}

  bool has(const std::string& name) const { return loader_.has(prefix_ + name); }

  ops::Norm norm(const std::string& name, int n) {
    return {loader_.vector(prefix_ + name + ".weight", n), config_.norm_eps, config_.norm_centred};
  }

  ops::Linear linear(const std::string& name, int n_out, int n_in) {
    return loader_.linear(prefix_ + name, n_out, n_in);
  }

  ops::Linear stack(const std::string& name, int n, int n_out, int n_in) {
    return loader_.stack(prefix_ + name, n, n_out, n_in);
  }

  Array vector(const std::string& name, int n) { return loader_.vector(prefix_ + name, n); }

  // Rows [first, first + n_out) of a matrix of n_rows.
  ops::Linear part(const std::string& name, int n_rows, int first, int n_out, int n_in) {
    return {loader_.rows(prefix_ + name + ".weight", n_rows, first, n_out, n_in), {}};
  }

 private:
  const Config& config_;
  load::Loader& loader_;
  std::string prefix_;
};

std::vector<ops::Linear> load_qkv(const Config& config, LayerReader& read) {
  const int q = config.n_heads * config.head_dim, kv = config.n_kv_heads * config.head_dim, n_in = config.n_embd;
  if (!read.has("attn_qkv.weight")) {
    return {read.linear("attn_q", q, n_in), read.linear("attn_k", kv, n_in), read.linear("attn_v", kv, n_in)};
  }
  const int all = q + 2 * kv;
  return {read.part("attn_qkv", all, 0, q, n_in), read.part("attn_qkv", all, q, kv, n_in),
          read.part("attn_qkv", all, q + kv, kv, n_in)};
}

ops::AttentionConfig load_attention(const Config& config, LayerReader& read, const LayerPlan& plan) {
  ops::AttentionConfig attention;
  attention.n_heads = config.n_heads;
  attention.n_kv_heads = config.n_kv_heads;
  attention.head_dim = config.head_dim;
  attention.scale = config.attention_scale;
  attention.softcap = config.attention_softcap;
  attention.window = plan.window;
  attention.rope = plan.rope;
  if (config.sinks) attention.sinks = read.vector("attn_sinks.weight", config.n_heads);
  if (config.head_norm != HeadNorm::none) {
    const bool all = config.head_norm == HeadNorm::all;
    attention.norms_all_heads = all;
    attention.q_norm = read.norm("attn_q_norm", config.head_dim * (all ? config.n_heads : 1));
    attention.k_norm = read.norm("attn_k_norm", config.head_dim * (all ? config.n_kv_heads : 1));
  }
  return attention;
}

void load_experts(const Config& config, LayerReader& read, ops::Layer& layer) {
  const ExpertPlan& plan = config.experts;
  ops::Experts& experts = layer.experts;
  experts.n = plan.n;
  experts.n_used = plan.n_used;
  experts.share_of_all = plan.share_of_all;
  experts.router = read.linear("ffn_gate_inp", plan.n, config.n_embd);
  experts.gate = read.stack("ffn_gate_exps", plan.n, plan.n_ff, config.n_embd);
  experts.up = read.stack("ffn_up_exps", plan.n, plan.n_ff, config.n_embd);
  experts.down = read.stack("ffn_down_exps", plan.n, config.n_embd, plan.n_ff);
  if (plan.n_ff_shared == 0) return;
  experts.has_shared = true;
  experts.shared_router = read.linear("ffn_gate_inp_shexp", 1, config.n_embd);
  layer.gate = read.linear("ffn_gate_shexp", plan.n_ff_shared, config.n_embd);
  layer.up = read.linear("ffn_up_shexp", plan.n_ff_shared, config.n_embd);
  layer.down = read.linear("ffn_down_shexp", config.n_embd, plan.n_ff_shared);
}

void load_feed_forward(const Config& config, LayerReader& read, ops::Layer& layer) {
  const int n_ff = config.n_ff, n_embd = config.n_embd;
  layer.activation = config.activation;
  if (config.experts.n != 0) return load_experts(config, read, layer);
  layer.down = read.linear("ffn_down", n_embd, n_ff);
  if (config.fused_gate_up) {
    layer.gate = read.part("ffn_up", 2 * n_ff, 0, n_ff, n_embd);
    layer.up = read.part("ffn_up", 2 * n_ff, n_ff, n_ff, n_embd);
  } else {
    layer.gate = read.linear("ffn_gate", n_ff, n_embd);
    layer.up = read.linear("ffn_up", n_ff, n_embd);
  }
}

void load_norms(const Config& config, LayerReader& read, ops::Layer& layer) {
  if (config.pre_norms) {
    layer.attention_norm = read.norm("attn_norm", config.n_embd);
    layer.ffn_norm = config.parallel ? layer.attention_norm : read.norm(config.ffn_norm, config.n_embd);
  }
  if (config.post_norms) {
    layer.attention_post_norm = read.norm("post_attention_norm", config.n_embd);
    layer.ffn_post_norm = read.norm("post_ffw_norm", config.n_embd);
  }
}

ops::Layer load_layer(const Config& config, load::Loader& loader, int index) {
  LayerReader read(config, loader, index);
  ops::Layer layer;
  load_norms(config, read, layer);
  layer.qkv = load_qkv(config, read);
  layer.attention = load_attention(config, read, config.layers[index]);
  layer.output = read.linear("attn_output", config.n_embd, config.n_heads * config.head_dim);
  load_feed_forward(config, read, layer);
  layer.parallel = config.parallel;
  layer.residual_scale = config.residual_scale;
  return layer;
}

}  // namespace

Weights load_weights(const Config& config, load::Loader& loader, int n_ctx) {
  Weights weights;
  weights.embedding = loader.matrix("token_embd.weight", config.n_vocab, config.n_embd);
  for (const RopePlan& rope : config.ropes) weights.stack.ropes.push_back(load_rope(rope, loader, n_ctx));
  weights.stack.query_scale = config.query_scale;
  for (int i = 0; i < config.n_layers; ++i) weights.stack.layers.push_back(load_layer(config, loader, i));
  weights.output_norm = {loader.vector("output_norm.weight", config.n_embd), config.norm_eps, config.norm_centred};
  if (loader.has("output.weight")) {
    weights.head = loader.linear("output", config.n_vocab, config.n_embd);
  } else {
    weights.head.weight = weights.embedding;
  }
  loader.refuse_unused();
  loader.finish();
  return weights;
}

}  // namespace fluxmlx::model
