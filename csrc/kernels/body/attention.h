#pragma once

#include "kernels/body/activation.h"
#include "kernels/body/cache.h"
#include "kernels/body/linear.h"
#include "kernels/table.h"

// Softmax attention over spans of kSpan positions that start at multiples of kSpan. A span gives a query its own
// maximum, sum and mean; they are merged in order, so a row's bits depend on its position and its past alone.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// The queries of a block: rows times the heads of one group, rows first.
struct Queries {
  const Attention* args;
  const AttentionBlock* block;
  int64_t group;

  int64_t count() const { return block->n_rows * group; }
  int64_t position(int64_t i) const { return block->sequence->n_past + block->row + i / group; }
  int64_t offset(int64_t i) const {
    const int64_t token = block->sequence->row_begin + block->row + i / group;
    return (token * args->n_heads + block->kv_head * group + i % group) * args->head_dim;
  }
};

// Scratch of one block, carved from one piece of memory.
struct SpanScratch {
  float* keys;     // (kSpan, head_dim + 8)
  float* values;   // (kSpan, head_dim)
  float* weights;  // (n_queries, kSpan): scores, then e^(score - maximum)
  float* maximum;  // (n_queries,) of all spans so far
  float* sum;      // (n_queries,)
  float* keep;     // (n_queries,) factor of what was before this span
  float* take;     // (n_queries,) factor of this span
};

inline SpanScratch carve(const Queries& queries, float* memory) {
  const int64_t dim = queries.args->head_dim;
  SpanScratch scratch;
  scratch.keys = memory;
  scratch.values = scratch.keys + kSpan * (dim + 8);
  scratch.weights = scratch.values + kSpan * dim;
  scratch.maximum = scratch.weights + queries.count() * kSpan;
  scratch.sum = scratch.maximum + queries.count();
  scratch.keep = scratch.sum + queries.count();
  scratch.take = scratch.keep + queries.count();
  return scratch;
}

// Keys and values of positions [begin, begin + n); keys are padded with zeros to a multiple of 4 rows.
inline void read_span(const Queries& queries, int64_t begin, int n, const SpanScratch& scratch) {
  const Attention& args = *queries.args;
  const Sequence& sequence = *queries.block->sequence;
  const int64_t dim = args.head_dim;
  for (int j = 0; j < n; ++j) {
    const int64_t offset = cache_offset(args, sequence, queries.block->kv_head, begin + j);
    read_cache(args.cache_type, sequence.k_cache, offset, dim, scratch.keys + j * (dim + 8));
    read_cache(args.cache_type, sequence.v_cache, offset, dim, scratch.values + j * dim);
  }
  for (int64_t i = n * (dim + 8); i < (n + 3) / 4 * 4 * (dim + 8); ++i) scratch.keys[i] = 0;
}

// Scores of T queries with the first n keys of the span.
template <int T>
inline void score(const Queries& queries, int64_t first, int n, const SpanScratch& scratch) {
  const int64_t dim = queries.args->head_dim;
  const float* q[T];
  for (int t = 0; t < T; ++t) q[t] = queries.args->q_rotated + queries.offset(first + t);
  for (int j = 0; j < n; j += 4) {
    F8 acc[4][T];
    for (int r = 0; r < 4; ++r) {
      for (int t = 0; t < T; ++t) acc[r][t] = broadcast(0);
    }
    add_products<4, T>(scratch.keys + j * (dim + 8), dim + 8, q, dim, acc);
    for (int t = 0; t < T; ++t) {
      reduce_add4(acc[0][t], acc[1][t], acc[2][t], acc[3][t], scratch.weights + (first + t) * kSpan + j);
    }
  }
}

// Scores of one query -> weights, and the factors that merge this span with those before it.
inline void soften(const Queries& queries, int64_t i, int limit, bool is_first, const SpanScratch& scratch) {
  float* weights = scratch.weights + i * kSpan;
  const F8 lowest = broadcast(-__builtin_inff());
  const F8 scale = broadcast(queries.args->scale);
  const int vectors = (limit + 7) / 8 * 8;
  for (int j = 0; j < limit; j += 8) store(weights + j, mul(load(weights + j), scale));
  store_first(weights + limit, lowest, vectors - limit);
  F8 largest = lowest;
  for (int j = 0; j < vectors; j += 8) largest = max(largest, load(weights + j));
  const float maximum = reduce_max(largest);
  F8 sum = broadcast(0);
  for (int j = 0; j < vectors; j += 8) {
    const F8 weight = exp(sub(load(weights + j), broadcast(maximum)));
    store(weights + j, weight);
    sum = add(sum, weight);
  }
  float factors[8] = {0, 0, 0, 0, 0, 0, 0, 0};  // of what was before, of this span
  const float before = is_first ? maximum : scratch.maximum[i];
  const float merged = before > maximum ? before : maximum;
  factors[0] = before - merged;
  factors[1] = maximum - merged;
  store(factors, exp(load(factors)));
  scratch.keep[i] = is_first ? 0 : factors[0];
  scratch.take[i] = factors[1];
  scratch.sum[i] = (is_first ? 0 : scratch.sum[i] * factors[0]) + reduce_add(sum) * factors[1];
  scratch.maximum[i] = merged;
}

// out = out * keep + (weights . values) * take for T queries and D vectors of the head, each up to its own limit.
template <int T, int D>
inline void mix_tile(const Queries& queries, int64_t first, const int (&limit)[T], int d, const SpanScratch& scratch) {
  const int64_t dim = queries.args->head_dim;
  F8 acc[T][D];
  int common = limit[0];
  for (int t = 0; t < T; ++t) {
    if (limit[t] < common) common = limit[t];
    for (int i = 0; i < D; ++i) acc[t][i] = broadcast(0);
  }
  const float* weights = scratch.weights + first * kSpan;
  for (int j = 0; j < common; ++j) {
    F8 value[D];
    for (int i = 0; i < D; ++i) value[i] = load(scratch.values + j * dim + d + i * 8);
    for (int t = 0; t < T; ++t) {
      const F8 weight = broadcast(weights[t * kSpan + j]);
      for (int i = 0; i < D; ++i) acc[t][i] = fma(weight, value[i], acc[t][i]);
    }
  }
  for (int t = 0; t < T; ++t) {
    for (int j = common; j < limit[t]; ++j) {
      const F8 weight = broadcast(weights[t * kSpan + j]);
      for (int i = 0; i < D; ++i) acc[t][i] = fma(weight, load(scratch.values + j * dim + d + i * 8), acc[t][i]);
    }
    float* out = queries.args->out + queries.offset(first + t) + d;
    const F8 keep = broadcast(scratch.keep[first + t]);
    const F8 take = broadcast(scratch.take[first + t]);
    for (int i = 0; i < D; ++i) store(out + i * 8, fma(load(out + i * 8), keep, mul(acc[t][i], take)));
  }
}

// One span for the queries [first, first + T).
template <int T>
inline void attend(const Queries& queries, int64_t first, int64_t begin, int n, const SpanScratch& scratch) {
  score<T>(queries, first, n, scratch);
  int limit[T];
  for (int t = 0; t < T; ++t) {
    const int64_t causal = queries.position(first + t) + 1 - begin;
    limit[t] = static_cast<int>(causal < n ? causal : n);
    soften(queries, first + t, limit[t], begin == 0, scratch);
  }
  int d = 0;
  for (; d + 32 <= queries.args->head_dim; d += 32) mix_tile<T, 4>(queries, first, limit, d, scratch);
  for (; d < queries.args->head_dim; d += 8) mix_tile<T, 1>(queries, first, limit, d, scratch);
}

inline void finish(const Queries& queries, const SpanScratch& scratch) {
  for (int64_t i = 0; i < queries.count(); ++i) {
    float* out = queries.args->out + queries.offset(i);
    const F8 sum = broadcast(scratch.sum[i]);
    for (int d = 0; d < queries.args->head_dim; d += 8) store(out + d, div(load(out + d), sum));
  }
}

inline void attention_block(const Attention& args, const AttentionBlock& block, float* memory) {
  const Queries queries{&args, &block, args.n_heads / args.n_kv_heads};
  const SpanScratch scratch = carve(queries, memory);
  const int64_t count = queries.count();
  const int64_t end = queries.position(count - 1) + 1;
  for (int64_t i = 0; i < count; ++i) {  // zeros: what is there may be NaN, which no factor removes
    for (int d = 0; d < args.head_dim; d += 8) store(args.out + queries.offset(i) + d, broadcast(0));
  }
  for (int64_t begin = 0; begin < end; begin += kSpan) {
    const int n = static_cast<int>(end - begin < kSpan ? end - begin : kSpan);
    read_span(queries, begin, n, scratch);
    int64_t i = 0;
    while (queries.position(i) < begin) i += queries.group;  // rows that end before this span
    for (; i + 3 <= count; i += 3) attend<3>(queries, i, begin, n, scratch);
    if (count - i == 2) attend<2>(queries, i, begin, n, scratch);
    if (count - i == 1) attend<1>(queries, i, begin, n, scratch);
  }
  finish(queries, scratch);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
