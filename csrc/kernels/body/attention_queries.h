#pragma once

#include "kernels/body/cache.h"

// What a block of rows asks of the cache, and the memory in which its answer grows span by span.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// The queries of a block: rows times the heads of one group, rows first.
struct Queries {
  const Attention* args;
  const AttentionBlock* block;
  int64_t group;

  int64_t count() const { return block->n_rows * group; }
  int64_t position(int64_t i) const { return block->begin() + i / group; }
  int64_t token(int64_t i) const { return block->sequence->row_begin + block->row + i / group; }
  int64_t offset(int64_t i) const {
    return (token(i) * args->n_heads + block->kv_head * group + i % group) * args->head_dim;
  }
  int64_t mean_size() const { return round_up(args->head_dim, kRowCells); }
  // Positions of the span that query i attends to.
  int limit(int64_t i, int64_t span) const {
    const int64_t causal = position(i) + 1 - span * kSpan;
    return static_cast<int>(causal < kSpan ? causal : kSpan);
  }
  // Positions of the span that lie before its window.
  int unseen(int64_t i, int64_t span) const {
    const int64_t n = args->window == 0 ? 0 : position(i) + 1 - args->window - span * kSpan;
    return static_cast<int>(n < 0 ? 0 : n < kSpan ? n : kSpan);
  }
  HeadBlock head_block(const CacheLayout& layout, int64_t index) const {
    return FLUXMLX_ISA::head_block(*args, layout, *block->sequence, block->kv_head, index);
  }
  // The first query that reaches into the span.
  int64_t first(int64_t span) const {
    const int64_t rows = span * kSpan - block->begin();
    return rows <= 0 ? 0 : rows * group;
  }
};

// What is known of each query after some spans.
struct Part {
  float* maximum;  // (n_queries,)
  float* sum;      // (n_queries,)
  float* mean;     // (n_queries, mean_size): the weighted sum of values
};

inline Part part_at(const Queries& queries, float* memory) {
  const int64_t n = round_up(queries.count(), 8);
  return {memory, memory + n, memory + 2 * n};
}

struct SpanScratch {
  float* maximum;  // (n_queries,) of the span at hand
  float* sum;      // (n_queries,)
  float* keep;     // (n_queries,) factor of what was before this span
  float* take;     // (n_queries,) factor of this span
  float* q;        // (n_queries, head_dim) normed, rotated and scaled
  float* weights;  // (n_queries, kSpan): scores, then e^(score - maximum)
};

inline SpanScratch carve(const Queries& queries, float* memory) {
  const int64_t n = round_up(queries.count(), 8);
  float* q = memory + 4 * n;
  return {memory, memory + n, memory + 2 * n, memory + 3 * n, q, q + queries.count() * queries.args->head_dim};
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
