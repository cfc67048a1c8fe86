#pragma once

#include "kernels/body/activation.h"
#include "kernels/body/attention_queries.h"
#include "kernels/body/attention_tile.h"

// Softmax attention over spans of kSpan positions that start at multiples of kSpan. A span gives a query its own
// maximum, sum and mean; they are merged in order, so a row's bits depend on its position and its past alone.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline void prepare(const Queries& queries, const SpanScratch& scratch) {
  const Attention& args = *queries.args;
  for (int64_t i = 0; i < queries.count(); ++i) {
    float* q = scratch.q + i * args.head_dim;
    position_head(args, queries.token(i), args.q + queries.offset(i), args.q_norm, q);
    const float scale = args.q_scale == nullptr ? args.scale : args.scale * args.q_scale[queries.token(i)];
    for (int d = 0; d < args.head_dim; d += 8) store(q + d, mul(load(q + d), broadcast(scale)));
  }
}

// Caps the scores of one query, and takes those before its window away.
inline void shape_scores(const Queries& queries, int64_t i, int64_t span, float* scores) {
  const Attention& args = *queries.args;
  const int limit = queries.limit(i, span), unseen = queries.unseen(i, span) < limit ? queries.unseen(i, span) : limit;
  if (args.softcap != 0) {
    for (int j = 0; j < limit; j += 8) store(scores + j, soft_cap(load(scores + j), broadcast(args.softcap)));
  }
  for (int j = 0; j < unseen; ++j) scores[j] = -__builtin_inff();
}

// Scores of one query -> weights, their maximum and sum. The maximum of a span of which the query sees nothing is very
// small, not infinite: the difference of two of them is zero.
inline void soften(float* weights, int limit, float* maximum, float* sum) {
  constexpr float lowest = -__builtin_inff();
  const int end = (limit + 15) / 16 * 16;
  for (int j = limit; j < end; ++j) weights[j] = lowest;
  F16 largest = broadcast_as<F16>(-1e30f);
  for (int j = 0; j < end; j += 16) largest = max(largest, load_16(weights + j));
  *maximum = reduce_max(largest);
  const F16 shift = broadcast_as<F16>(*maximum);
  F16 total = broadcast_as<F16>(0);
  for (int j = 0; j < end; j += 16) {
    const F16 weight = exp(sub(load_16(weights + j), shift));
    store(weights + j, weight);
    total = add(total, weight);
  }
  *sum = reduce_add(total);
}

// Puts the maxima and sums of a span (or of a part) behind those in `part`; keep and take are for the means.
inline void merge_sums(const Queries& queries, const float* maximum, const float* sum, const Part& part,
                       const SpanScratch& scratch) {
  for (int64_t i = 0; i < queries.count(); i += 8) {
    const F8 before = load(part.maximum + i), here = load(maximum + i);
    const F8 merged = max(before, here);
    const F8 keep = exp(sub(before, merged)), take = exp(sub(here, merged));
    store(scratch.keep + i, keep);
    store(scratch.take + i, take);
    store(part.maximum + i, merged);
    store(part.sum + i, add(mul(load(part.sum + i), keep), mul(load(sum + i), take)));
  }
}

template <class Cells>
inline void score_span(const Queries& queries, int64_t span, const SpanScratch& scratch) {
  const int64_t dim = queries.args->head_dim;
  const CacheLayout layout = cache_layout(queries.args->cache_type, dim);
  const int64_t count = queries.count();
  const int n = queries.limit(count - 1, span);
  for (int begin = 0; begin < n; begin += kBlockPositions) {
    const int64_t block = (span * kSpan + begin) / kBlockPositions;
    const std::byte* keys = queries.head_block(layout, block).keys;
    for_tiles(queries.first(span), count, [&]<int T, bool kAsksAhead>(int64_t i) {
      const int limit = queries.limit(i + T - 1, span) - begin;
      if (limit <= 0) return;
      const int n_groups = (limit < kBlockPositions ? limit + kRowCells - 1 : kBlockPositions) / kRowCells;
      score_tile<Cells, T, kAsksAhead>(layout, keys, dim, n_groups, scratch.q + i * dim,
                                       scratch.weights + i * kSpan + begin);
    });
  }
}

// Sums of the values of a span for T queries and G groups of dimensions, each query up to its own limit.
template <class Cells, int T, bool kAsksAhead, int G>
inline void mix_tile(const Queries& queries, int64_t span, int64_t first, int64_t group, const SpanScratch& scratch,
                     F16 (&acc)[T][G]) {
  int limit[T];
  for (int t = 0; t < T; ++t) {
    limit[t] = queries.limit(first + t, span);
    for (int g = 0; g < G; ++g) acc[t][g] = broadcast_as<F16>(0);
  }
  const CacheLayout layout = cache_layout(queries.args->cache_type, queries.args->head_dim);
  for (int begin = 0; begin < limit[T - 1]; begin += kBlockPositions) {
    const std::byte* values = queries.head_block(layout, (span * kSpan + begin) / kBlockPositions).values;
    const ValueRows<Cells, G> rows(layout, values, group);
    add_values<kAsksAhead>(rows, begin, limit, scratch.weights + first * kSpan + begin, acc);
  }
}

// mean = mean * keep + (weights . values) * take
template <class Cells, int T, bool kAsksAhead, int G>
inline void mix_groups(const Queries& queries, int64_t span, int64_t first, int64_t group, bool is_first,
                       const SpanScratch& scratch, const Part& part) {
  F16 acc[T][G];
  mix_tile<Cells, T, kAsksAhead, G>(queries, span, first, group, scratch, acc);
  for (int t = 0; t < T; ++t) {
    float* mean = part.mean + (first + t) * queries.mean_size() + group * kRowCells;
    const F16 keep = broadcast_as<F16>(scratch.keep[first + t]), take = broadcast_as<F16>(scratch.take[first + t]);
    for (int g = 0; g < G; ++g) {
      float* y = mean + g * kRowCells;
      store(y, is_first ? acc[t][g] : fma(load_16(y), keep, mul(acc[t][g], take)));
    }
  }
}

template <class Cells>
inline void mix_span(const Queries& queries, int64_t span, bool is_first, const SpanScratch& scratch,
                     const Part& part) {
  const int64_t n_groups = queries.mean_size() / kRowCells;
  for_tiles(queries.first(span), queries.count(), [&]<int T, bool kAsksAhead>(int64_t i) {
    constexpr int G = groups_at_once(T);
    int64_t group = 0;
    const auto mix = [&]<int N>() {
      for (; group + N <= n_groups; group += N) {
        mix_groups<Cells, T, kAsksAhead, N>(queries, span, i, group, is_first, scratch, part);
      }
    };
    mix.template operator()<G>();
    mix.template operator()<1>();
  });
}

template <class Cells>
inline void add_span(const Queries& queries, int64_t span, bool is_first, const SpanScratch& scratch,
                     const Part& part) {
  const int64_t count = queries.count();
  score_span<Cells>(queries, span, scratch);
  float* maximum = is_first ? part.maximum : scratch.maximum;
  float* sum = is_first ? part.sum : scratch.sum;
  for (int64_t i = 0; i < round_up(count, 8); ++i) {  // of queries that end before this span, and of none
    maximum[i] = -__builtin_inff();
    sum[i] = 0;
  }
  for (int64_t i = queries.first(span); i < count; ++i) {
    shape_scores(queries, i, span, scratch.weights + i * kSpan);
    soften(scratch.weights + i * kSpan, queries.limit(i, span), maximum + i, sum + i);
  }
  if (!is_first) merge_sums(queries, maximum, sum, part, scratch);
  mix_span<Cells>(queries, span, is_first, scratch, part);
}

// Attends to the given spans, the first of which every query of a block that begins there reaches or none before.
inline void attention_spans(const Attention& args, const AttentionBlock& block, SpanRange spans, float* memory,
                            float* scratch_memory) {
  const Queries queries{&args, &block, args.n_heads / args.n_kv_heads};
  const SpanScratch scratch = carve(queries, scratch_memory);
  const Part part = part_at(queries, memory);
  prepare(queries, scratch);
  for (int64_t span = spans.first; span < spans.end; ++span) {
    with_cells(args.cache_type,
               [&]<class Cells>(Cells) { add_span<Cells>(queries, span, span == spans.first, scratch, part); });
  }
}

// The sink of a head is one more score of each query, whose value is zero.
inline void add_sinks(const Queries& queries, const Part& part) {
  for (int64_t i = 0; i < queries.count(); ++i) {
    const F8 sink = broadcast(queries.args->sinks[queries.block->kv_head * queries.group + i % queries.group]);
    const F8 before = broadcast(part.maximum[i]), merged = max(before, sink);
    const F8 keep = exp(sub(before, merged)), take = exp(sub(sink, merged));
    float sum[8];
    store(sum, add(mul(broadcast(part.sum[i]), keep), take));
    part.sum[i] = sum[0];
    float* mean = part.mean + i * queries.mean_size();
    for (int64_t d = 0; d < queries.mean_size(); d += 8) store(mean + d, mul(load(mean + d), keep));
  }
}

// Merges parts of one span each in their order and writes the rows.
inline void attention_finish(const Attention& args, const AttentionBlock& block, SpanRange spans, float* memory,
                             float* scratch_memory) {
  const Queries queries{&args, &block, args.n_heads / args.n_kv_heads};
  const SpanScratch scratch = carve(queries, scratch_memory);
  const Part whole = part_at(queries, memory);
  const int64_t n = queries.mean_size();
  for (int64_t span = spans.first + 1; span < spans.end; ++span) {
    const Part part = part_at(queries, memory + (span - spans.first) * attention_part_size(args, block.n_rows));
    merge_sums(queries, part.maximum, part.sum, whole, scratch);
    for (int64_t i = queries.first(span); i < queries.count(); ++i) {
      const F8 keep = broadcast(scratch.keep[i]), take = broadcast(scratch.take[i]);
      for (int64_t d = i * n; d < (i + 1) * n; d += 8) {
        store(whole.mean + d, fma(load(whole.mean + d), keep, mul(load(part.mean + d), take)));
      }
    }
  }
  if (args.sinks != nullptr) add_sinks(queries, whole);
  for (int64_t i = 0; i < queries.count(); ++i) {
    const F8 sum = broadcast(whole.sum[i]);
    float* out = args.out + queries.offset(i);
    for (int d = 0; d < args.head_dim; d += 8) store(out + d, div(load(whole.mean + i * n + d), sum));
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
