#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/tensor_type.h"
#include "base/thread_pool.h"

// CPU kernels over plain memory. Every function gives the same bits for a row whatever other rows go
// with it and however many threads work, and the same bits on every instruction set.
namespace fluxmlx::kernels {

// How the rows of a matrix lie in memory.
enum class Form {
  blocks,  // as in a GGUF file; products take the activations as floats
  packed,  // strips of rows, from pack(); products quantise the activations to 8 bits, round them to BF16 where the
           // weights are, and take them as they are where those are other floats
};

struct Matrix {
  TensorType type;
  const std::byte* data;
  int64_t n_rows;
  int64_t n_cols;  // a multiple of the type's block size
  Form form = Form::blocks;
};

// A norm of the input before its products; no weight: none.
struct InputNorm {
  const float* weight = nullptr;  // (n_cols,)
  float eps = 0;
  bool centred = false;  // LayerNorm, which takes the mean off first, else RMS norm
};

// One product of a shared input: y[t, r] = (w[r] . x[t] (+ bias[r])) * scale (+ residual[t, r]).
struct Linear {
  Matrix w;
  const float* bias = nullptr;      // (n_rows,)
  const float* residual = nullptr;  // (n_tokens, n_rows)
  float* y = nullptr;               // (n_tokens, n_rows)
  float scale = 1;
};

// Of gate g and up u: silu(g) u, gelu(g) u, and min(g, 7) logistic(1.702 min(g, 7)) (1 + u) with u between -7 and 7.
enum class Activation { silu, gelu_tanh, clamped };

// Two products of a shared input: y[t, r] = the activation of gate[r] . x[t] (+ bias) and up[r] . x[t] (+ bias).
// The matrices have the same shape.
struct Gated {
  Matrix gate, up;
  Activation activation = Activation::silu;
  float* y = nullptr;                // (n_tokens, n_rows)
  const float* gate_bias = nullptr;  // (n_rows,)
  const float* up_bias = nullptr;    // (n_rows,)
};

// What keys and values are stored as; q8_0: bytes with a float16 scale for 32 dimensions of a position.
enum class CacheType { f16, f32, q8_0 };

inline constexpr int kBlockPositions = 64;  // positions of a cache block

// Bytes that one key/value head of one layer takes in a cache block: its keys and its values.
int64_t cache_head_bytes(CacheType type, int head_dim) noexcept;

// The rows of one sequence in a ragged batch, and its key/value cache: a block holds the heads of every layer for
// kBlockPositions positions.
struct Sequence {
  int64_t row_begin;         // first row of this sequence in the batch
  int64_t n_rows;            // new rows
  int64_t n_past;            // positions already in the cache
  std::byte* const* blocks;  // each aligned to 64 bytes
  int64_t n_blocks;          // that hold n_past + n_rows positions at least
};

struct Attention {
  int64_t n_tokens;
  int n_heads, n_kv_heads, head_dim;
  float scale;                    // of the scores, before the softmax
  const float* q;                 // (n_tokens, n_heads, head_dim)
  const float* k;                 // (n_tokens, n_kv_heads, head_dim)
  const float* v;                 // (n_tokens, n_kv_heads, head_dim)
  const float* q_norm = nullptr;  // (head_dim,) RMS norm of each query head before the rotation
  const float* k_norm = nullptr;  // (head_dim,)
  float norm_eps = 0;
  const float* rope = nullptr;     // (n_tokens, n_rot / 2, 2): cosine, sine; from rope_table()
  int n_rot = 0;                   // leading dimensions of a head that are rotated
  bool rope_interleaved = false;   // pairs (2i, 2i+1), else (i, i + n_rot/2)
  const float* q_scale = nullptr;  // (n_tokens,) a factor of the queries beside `scale`
  int64_t window = 0;              // positions that a query sees, itself included; 0: all before it
  float softcap = 0;               // scores become softcap * tanh(score / softcap); 0: they stay
  const float* sinks = nullptr;    // (n_heads,) one more score of each head, which takes weight and gives nothing
  CacheType cache_type = CacheType::f16;
  int64_t layer_offset = 0;  // bytes of a block before this layer's first head
  std::span<const Sequence> sequences;
  float* out;  // (n_tokens, n_heads, head_dim)
};

// Products that share their input x (n_tokens, n_cols), which is normed and quantised once for all of them. One token
// may ask for weights ahead, see AskingAhead.
void linear(ThreadPool& pool, const float* x, int64_t n_tokens, const InputNorm& norm, std::span<const Linear> products,
            bool asks_ahead);

void gated_linear(ThreadPool& pool, const float* x, int64_t n_tokens, const InputNorm& norm, const Gated& products,
                  bool asks_ahead);

// y[t] = x[t] / sqrt(mean(x[t]^2) + eps) * weight, of x[t] less its mean where `centred`; x and y may be the same
// memory.
void norm_rows(ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n, const InputNorm& norm, float* y);

// y = base + the norm of x, which is overwritten; y and base may be the same memory.
void add_normed(ThreadPool& pool, float* x, int64_t n_tokens, int64_t n, const InputNorm& norm, const float* base,
                float* y);

// y[i] = softcap * tanh(scale * y[i] / softcap); without softcap, scale * y[i].
void scale_logits(ThreadPool& pool, float* y, int64_t n, float scale, float softcap);

// y[t] = dequantised row tokens[t] of the table; the caller has checked the range.
void embedding(const Matrix& table, const int32_t* tokens, int64_t n_tokens, float* y);

// table[t, i] = cos, sin of positions[t] * inv_freq[i], each times magnitude.
void rope_table(const int32_t* positions, int64_t n_tokens, const float* inv_freq, int n_pairs, float magnitude,
                float* table);

// Norms and rotates q and k, appends k and v to the caches, and attends causally over past and new positions.
void attention(ThreadPool& pool, const Attention& args);

// True for the types that linear() and embedding() read.
bool is_supported(TensorType type) noexcept;

// True for the types that have a packed form.
bool has_packed(TensorType type) noexcept;

// Rows of a strip of a type that has a packed form.
int64_t strip_rows(TensorType type) noexcept;

// Rows are padded with zeros to whole strips.
int64_t packed_bytes(TensorType type, int64_t n_rows, int64_t n_cols);

// Packs rows of blocks. A matrix may be packed in parts that begin with a strip.
void pack(TensorType type, const std::byte* rows, int64_t n_rows, int64_t n_cols, std::byte* packed);

// The GGUF blocks of one row of a packed matrix; an IQ1, IQ2, IQ3 or TQ type has none that are surely the file's, and
// throws Error.
void unpack_row(const Matrix& w, int64_t row, std::byte* blocks);

// The instruction sets of this build that this processor has, best last; and the one in use
// (FLUXMLX_FORCE_ISA names another, for tests).
std::vector<std::string> available_isas();
std::string active_isa();

}  // namespace fluxmlx::kernels
