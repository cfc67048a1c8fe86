#include "ops/cpu/stack.h"

namespace fluxmlx::ops {

// The attention kernels read heads in vectors of 8 floats.
bool cpu_ops_take(int head_dim) noexcept { return head_dim % 8 == 0; }

namespace cpu {

void LayerKernels::attend(size_t layer, std::span<const Span> spans, const std::vector<array>& inputs,
                          const Buffers& buffers) {
  const AttentionConfig& config = layers_[layer].attention;
  kernels::Attention args{};
  args.n_tokens = inputs[0].shape(0);
  args.n_heads = config.n_heads;
  args.n_kv_heads = config.n_kv_heads;
  args.head_dim = config.head_dim;
  args.scale = config.scale;
  args.q = buffers.q;
  args.k = buffers.k;
  args.v = buffers.v;
  args.q_norm = host_data(config.q_norm.weight);
  args.k_norm = host_data(config.k_norm.weight);
  args.norm_eps = config.q_norm.eps;
  args.rope = inputs[1].data<float>();
  args.n_rot = config.rope.n_rot;
  args.rope_interleaved = config.rope.interleaved;
  args.out = buffers.attended;
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
