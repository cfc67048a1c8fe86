#include "ops/cpu/ops.h"

namespace fluxmlx::ops {

using cpu::array;
using cpu::unwrap;

// The attention kernels read heads in vectors of 8 floats.
bool cpu_ops_take(int head_dim) noexcept { return head_dim % 8 == 0; }

Array CpuOps::rope_positions(const Rope& rope, const Array& positions) const {
  const int n_pairs = rope.n_rot / 2;
  auto kernel = [n_pairs](const std::vector<array>& in, std::vector<array>& out) {
    kernels::rope_table(in[0].data<int32_t>(), in[0].shape(0), in[1].data<float>(), n_pairs, 1.0f,
                        out[0].data<float>());
  };
  return cpu::add_node(stream_, "fluxmlx_rope_table", {unwrap(positions), unwrap(rope.inv_freq)},
                       {{{positions.dim(0), n_pairs, 2}}}, std::move(kernel))[0];
}

namespace {

constexpr int kFirstCache = 6;  // inputs: q, k, v, rope table, q norm, k norm, then k and v of each sequence

// The configuration without its arrays, which arrive as inputs.
struct Heads {
  int n_heads, n_kv_heads, head_dim, n_rot;
  bool interleaved, has_q_norm, has_k_norm;
  float scale, norm_eps;
  kernels::CacheType cache_type;
};

Heads heads_of(const AttentionConfig& config, const Array& cache) {
  return {config.n_heads,
          config.n_kv_heads,
          config.head_dim,
          config.rope.n_rot,
          config.rope.interleaved,
          bool(config.q_norm.weight),
          bool(config.k_norm.weight),
          config.scale,
          config.q_norm.eps,
          cache.dtype() == MLX_FLOAT16 ? kernels::CacheType::f16 : kernels::CacheType::f32};
}

kernels::Attention attention_args(const Heads& heads, const std::vector<array>& in, std::vector<array>& out,
                                  float* q_rotated) {
  kernels::Attention args{};
  args.n_tokens = in[0].shape(0);
  args.n_heads = heads.n_heads;
  args.n_kv_heads = heads.n_kv_heads;
  args.head_dim = heads.head_dim;
  args.scale = heads.scale;
  args.q = in[0].data<float>();
  args.k = in[1].data<float>();
  args.v = in[2].data<float>();
  args.rope = in[3].data<float>();
  args.n_rot = heads.n_rot;
  args.rope_interleaved = heads.interleaved;
  if (heads.has_q_norm) args.q_norm = in[4].data<float>();
  if (heads.has_k_norm) args.k_norm = in[5].data<float>();
  args.norm_eps = heads.norm_eps;
  args.cache_type = heads.cache_type;
  args.q_rotated = q_rotated;
  args.out = out[0].data<float>();
  return args;
}

struct Span {
  int begin, count, n_past;
};

// The new rows are written into the caches where they lie: MLX lends an input's memory to an output only where it
// has one reader, and copying a cache in every step would cost more than attending to it. A cache belongs to one
// sequence, and a step ends before the next begins, so nobody else looks.
void* writable(const array& cache) { return const_cast<char*>(cache.data<char>()); }

std::vector<kernels::Sequence> cache_spans(std::span<const Span> spans, const std::vector<array>& in) {
  std::vector<kernels::Sequence> sequences;
  for (size_t i = 0; i < spans.size(); ++i) {
    const array& k = in[kFirstCache + 2 * i];
    const array& v = in[kFirstCache + 2 * i + 1];
    sequences.push_back({spans[i].begin, spans[i].count, spans[i].n_past, writable(k), writable(v), k.shape(1)});
  }
  return sequences;
}

}  // namespace

Array CpuOps::attention(const AttentionConfig& config, const Array& q, const Array& k, const Array& v,
                        const Array& rope_positions, std::span<const Rows> sequences) const {
  const auto norm_or = [&](const Norm& norm) { return unwrap(norm.weight ? norm.weight : rope_positions); };
  std::vector<array> inputs = {
      unwrap(q), unwrap(k), unwrap(v), unwrap(rope_positions), norm_or(config.q_norm), norm_or(config.k_norm)};
  std::vector<Span> spans;
  for (const Rows& rows : sequences) {
    inputs.insert(inputs.end(), {unwrap(*rows.k), unwrap(*rows.v)});
    spans.push_back({rows.begin, rows.count, rows.n_past});
  }
  auto kernel = [pool = pool_, heads = heads_of(config, *sequences[0].k), spans](const std::vector<array>& in,
                                                                                 std::vector<array>& out) {
    std::vector<float> q_rotated(in[0].size());
    kernels::Attention args = attention_args(heads, in, out, q_rotated.data());
    const std::vector<kernels::Sequence> caches = cache_spans(spans, in);
    args.sequences = caches;
    kernels::attention(*pool, args);
  };
  return cpu::add_node(stream_, "fluxmlx_attention", std::move(inputs), {{{q.dim(0), q.dim(1)}}}, std::move(kernel))[0];
}

}  // namespace fluxmlx::ops
