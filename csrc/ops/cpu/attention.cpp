#include "ops/cpu/stack.h"

namespace fluxmlx::ops {

// The attention kernels read heads in vectors of 8 floats.
bool cpu_ops_take(int head_dim) noexcept { return head_dim % 8 == 0; }

namespace cpu {
namespace {

constexpr size_t kFirstCache = 2;  // of the inputs

// The new rows are written into the caches where they lie: MLX lends an input's memory to an output only where it
// has one reader, and copying a cache in every step would cost more than attending to it. A cache belongs to one
// sequence, and a step ends before the next begins, so nobody else looks.
void* writable(const array& cache) { return const_cast<char*>(cache.data<char>()); }

}  // namespace

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
  args.cache_type =
      inputs[kFirstCache].itemsize() == sizeof(uint16_t) ? kernels::CacheType::f16 : kernels::CacheType::f32;
  args.q_rotated = buffers.rotated;
  args.out = buffers.attended;
  sequences_.clear();
  for (size_t i = 0; i < spans.size(); ++i) {
    const size_t index = kFirstCache + 2 * (i * layers_.size() + layer);
    const array &k = inputs[index], &v = inputs[index + 1];
    sequences_.push_back({spans[i].begin, spans[i].count, spans[i].n_past, writable(k), writable(v), k.shape(1)});
  }
  args.sequences = sequences_;
  kernels::attention(*pool_, args);
}

}  // namespace cpu
}  // namespace fluxmlx::ops
