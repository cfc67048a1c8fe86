#include "ops/cpu/stack.h"

namespace fluxmlx::ops {

// The attention kernels read heads in vectors of 8 floats.
bool cpu_ops_take(int head_dim) noexcept { return head_dim % 8 == 0; }

namespace cpu {

void LayerKernels::norm_in_place(const Norm& norm, int64_t n_tokens, float* x) {
  kernels::norm_rows(*pool_, x, n_tokens, norm.weight.dim(0), host_norm(norm), x);
}

void LayerKernels::attend(size_t layer, std::span<const Span> spans, int64_t n_tokens) {
  const AttentionConfig& config = stack_.layers[layer].attention;
  const Buffers& buffers = buffers_;
  kernels::Attention args{};
  args.n_tokens = n_tokens;
  args.n_heads = config.n_heads;
  args.n_kv_heads = config.n_kv_heads;
  args.head_dim = config.head_dim;
  args.scale = config.scale;
  args.q = buffers.q;
  args.k = buffers.k;
  args.v = buffers.v;
  if (config.norms_all_heads) {
    norm_in_place(config.q_norm, n_tokens, buffers.q);
    norm_in_place(config.k_norm, n_tokens, buffers.k);
  } else {
    args.q_norm = host_data(config.q_norm.weight);
    args.k_norm = host_data(config.k_norm.weight);
    args.norm_eps = config.q_norm.eps;
  }
  if (config.rope >= 0) {
    const Rope& rope = stack_.ropes[config.rope];
    args.rope = buffers.ropes[config.rope];
    args.n_rot = rope.n_rot;
    args.rope_interleaved = rope.interleaved;
  }
  if (stack_.query_scale.beta != 0) args.q_scale = buffers.q_scale;
  args.window = config.window;
  args.softcap = config.softcap;
  args.sinks = host_data(config.sinks);
  args.out = buffers.q;
  sequences_.clear();
  for (const Span& span : spans) {
    const std::vector<std::byte*>& blocks = span.cache->blocks;
    args.cache_type = span.cache->type;
    args.layer_offset = static_cast<int64_t>(layer) * span.cache->layer_bytes;
    sequences_.push_back({span.begin, span.count, span.n_past, blocks.data(), static_cast<int64_t>(blocks.size())});
  }
  args.sequences = sequences_;
  kernels::attention(*pool_, args);
}

}  // namespace cpu
}  // namespace fluxmlx::ops
