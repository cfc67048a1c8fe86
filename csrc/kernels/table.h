#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/activations.h"
#include "kernels/kernels.h"
#include "kernels/packed.h"
#include "kernels/probe.h"
#include "quant/dequantize.h"

// What one instruction set provides, and the drivers that split work over threads for any of them.
namespace fluxmlx::kernels {

inline constexpr int kPanelRows = 8;        // weight rows that are dequantised together
inline constexpr int kTokenBlock = 192;     // tokens that meet one strip
inline constexpr int kMostTokenGroup = 16;  // tokens whose quantised activations lie together
inline constexpr int kMostFloatGroup = 12;  // tokens whose floats lie together, for wide strips
inline constexpr int kWideSlice = 256;      // columns of a wide strip whose products are one sum
inline constexpr int kWholeRow = 768;       // rows up to this long are one slice
inline constexpr int kSlice = 512;          // weights of a row in one slice of a longer row; whole blocks of every type
inline constexpr int kSpan = 256;           // positions whose softmax is one partial result; whole cache blocks

// Working memory of one thread in linear() and gated_linear(): what stays in its first two caches.
struct alignas(64) PanelScratch {
  float panel[kWideSlice * kWideStripRows];   // also kPanelRows * (kWholeRow + 8)
  float lanes[kTokenBlock * kPanelRows * 8];  // partial sums between the slices of a row
  float gate[kTokenBlock * kWideStripRows];
  float up[kTokenBlock * kWideStripRows];
};
static_assert(kWideSlice * kWideStripRows >= kPanelRows * (kWholeRow + 8));

// Rows [row, row + n_rows) of a product, of any number of strips, for a block of at most kTokenBlock tokens.
struct Panel {
  const Activations* x;
  int64_t token, n_tokens;
  int64_t row, n_rows;
};

// Rows [row, row + n_rows) of a sequence and the query heads of one key/value head.
struct AttentionBlock {
  const Sequence* sequence;
  int64_t row;
  int64_t n_rows;
  int kv_head;

  int64_t begin() const { return sequence->n_past + row; }  // position of the first row
  int64_t end() const { return begin() + n_rows; }
};

struct SpanRange {
  int64_t first, end;
};

// out[r / 8, t, r % 8] = w[row + r] . x[t] for the rows of one strip
using MultiplyBfloats = void (*)(const Matrix& w, const Panel& panel, PanelScratch& scratch, float* out);

// Products of packed BF16, which some processors of an instruction set have more for than others.
struct BfloatKernels {
  int pair_bytes;
  // The rows of one group rounded, (pairs of columns, n_tokens) of pair_bytes each, in the form that multiply() reads.
  void (*pair)(const float* rows, int64_t n_tokens, int64_t n_cols, std::byte* y);
  MultiplyBfloats multiply;
};

struct Table {
  const char* name;
  int token_group;  // a power of two, at most kMostTokenGroup
  int float_group;  // divides kMostFloatGroup
  quant::DequantizeFn (*find_dequantize)(TensorType type) noexcept;
  void (*linear)(const Linear& product, const Panel& panel, PanelScratch& scratch);
  void (*gated_linear)(const Gated& products, const Panel& panel, PanelScratch& scratch);
  void (*norm_row)(const float* x, int64_t n, const InputNorm& norm, float* y);
  BfloatKernels bfloats;
  void (*quantize_32)(const float* x, int64_t n, const GroupPlace& y);
  void (*quantize_256)(const float* x, int64_t n, const GroupPlace& y);
  void (*attention_append)(const Attention& args, const AttentionBlock& rows, float* scratch);
  void (*attention_spans)(const Attention& args, const AttentionBlock& block, SpanRange spans, float* part,
                          float* scratch);
  void (*attention_finish)(const Attention& args, const AttentionBlock& block, SpanRange spans, float* parts,
                           float* scratch);
  void (*exp)(const float* x, int64_t n, float* y);
  void (*scale_logits)(float* y, int64_t n, float scale, float softcap);
  void (*to_half)(const float* x, int64_t n, uint16_t* y);
  Probe probe;
};

inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// Floats of one part: the maximum, the sum and the mean of values of each query, over some of the spans.
inline int64_t attention_part_size(const Attention& args, int64_t n_rows) {
  const int64_t n_queries = n_rows * (args.n_heads / args.n_kv_heads);
  return 2 * round_up(n_queries, 8) + n_queries * round_up(args.head_dim, 16);
}

// Floats that the functions of attention need as scratch beside it.
inline int64_t attention_scratch_size(const Attention& args, int64_t n_rows) {
  const int64_t n_queries = n_rows * (args.n_heads / args.n_kv_heads);
  return n_queries * (args.head_dim + kSpan) + 4 * round_up(n_queries, 8);
}

const Table& find_table(std::string_view isa);  // throws Error for a name that is unknown or not on this processor
const Table& active_table();

void linear(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, const InputNorm& norm,
            std::span<const Linear> products, bool asks_ahead);
void gated_linear(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, const InputNorm& norm,
                  const Gated& products, bool asks_ahead);
void norm_rows(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n, const InputNorm& norm,
               float* y);
void add_normed(const Table& table, ThreadPool& pool, float* x, int64_t n_tokens, int64_t n, const InputNorm& norm,
                const float* base, float* y);
void scale_logits(const Table& table, ThreadPool& pool, float* y, int64_t n, float scale, float softcap);
void embedding(const Table& table, const Matrix& matrix, const int32_t* tokens, int64_t n_tokens, float* y);
void attention(const Table& table, ThreadPool& pool, const Attention& args);

}  // namespace fluxmlx::kernels
