#pragma once

#include "kernels/body/cache.h"

// Register tiles of the two products of attention. Both are sums over rows of 16 cache cells, each row times one
// number per query; a lane is one score or one dimension, so tiles only decide which sums are under way together.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// f<size, asks_ahead>(i) for a size that is known only now. Tiles that do not ask are at least half of the largest.
template <int T, class F>
inline void call_tile(int64_t size, int64_t i, bool asks_ahead, const F& f) {
  if constexpr (2 * T >= kMostQueries) {
    if (size == T && !asks_ahead) return f.template operator()<T, false>(i);
  }
  if (size == T) return f.template operator()<T, true>(i);
  if constexpr (T > 1) call_tile<T - 1>(size, i, asks_ahead, f);
}

// Calls f<T, asks_ahead>(i) for tiles of about the same T that cover the queries [begin, end). Only the first one asks
// for what lies ahead: for the others the cells are in a cache, and asking takes time.
template <class F>
inline void for_tiles(int64_t begin, int64_t end, const F& f) {
  for (int64_t i = begin; i < end;) {
    const int64_t n_tiles = (end - i + kMostQueries - 1) / kMostQueries;
    const int64_t size = (end - i + n_tiles - 1) / n_tiles;
    call_tile<kMostQueries>(size, i, i == begin, f);
    i += size;
  }
}

// Asks the second cache for what lies ahead: while keys are read this is about where the values of the same block
// are, and then the keys of the next head. The processor alone would find it too late. The address may be behind the
// end.
inline void prefetch_ahead(const std::byte* cells) {
  constexpr uintptr_t reach = 8192;
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(cells) + reach), 0, 2);
}

// acc[t] += x[t][i] * rows(g, i) over n rows.
template <bool kAsksAhead, class Rows, int T, int G>
inline void add_rows(const Rows& rows, const float* const (&x)[T], int64_t n, F16 (&acc)[T][G]) {
  for (int64_t i = 0; i < n; ++i) {
    F16 row[G];
    for (int g = 0; g < G; ++g) {
      if constexpr (kAsksAhead) prefetch_ahead(rows.address(g, i));
      row[g] = rows(g, i);
    }
    for (int t = 0; t < T; ++t) {
      const F16 factor = broadcast_as<F16>(x[t][i]);
      for (int g = 0; g < G; ++g) acc[t][g] = fma(row[g], factor, acc[t][g]);
    }
  }
}

// Scores of T queries with G groups of keys.
template <class Cells, int T, bool kAsksAhead, int G>
inline void score_groups(const CacheLayout& layout, const std::byte* keys, int64_t dim, const float* q, float* scores) {
  F16 acc[T][G];
  for (int t = 0; t < T; ++t) {
    for (int g = 0; g < G; ++g) acc[t][g] = broadcast_as<F16>(0);
  }
  for (int64_t d = 0; d < dim; d += kScaleCells) {
    const float* x[T];
    for (int t = 0; t < T; ++t) x[t] = q + t * dim + d;
    add_rows<kAsksAhead>(KeyRows<Cells, G>(layout, keys, d), x, dim - d < kScaleCells ? dim - d : kScaleCells, acc);
  }
  for (int t = 0; t < T; ++t) {
    for (int g = 0; g < G; ++g) store(scores + t * kSpan + g * kRowCells, acc[t][g]);
  }
}

// Scores of T queries with the first groups of a block's keys.
template <class Cells, int T, bool kAsksAhead>
inline void score_tile(const CacheLayout& layout, const std::byte* keys, int64_t dim, int n_groups, const float* q,
                       float* scores) {
  constexpr int G = groups_at_once(T);
  const auto score = [&]<int N>(int g) {
    score_groups<Cells, T, kAsksAhead, N>(layout, keys + g * layout.key_group, dim, q, scores + g * kRowCells);
  };
  int g = 0;
  for (; g + G <= n_groups; g += G) score.template operator()<G>(g);
  for (; g < n_groups; ++g) score.template operator()<1>(g);
}

// acc[t] += weights[t] . values over one block whose first position is `begin` of the span; each query stops at its
// own limit, because what lies behind may be anything.
template <bool kAsksAhead, class Rows, int T, int G>
inline void add_values(const Rows& values, int begin, const int (&limit)[T], const float* weights, F16 (&acc)[T][G]) {
  const auto in_block = [begin](int n) { return n - begin < kBlockPositions ? n - begin : kBlockPositions; };
  const int common = in_block(limit[0]) < 0 ? 0 : in_block(limit[0]);
  const float* x[T];
  for (int t = 0; t < T; ++t) x[t] = weights + t * kSpan;
  add_rows<kAsksAhead>(values, x, common, acc);
  for (int t = 0; t < T; ++t) {
    for (int j = common; j < in_block(limit[t]); ++j) {
      const F16 weight = broadcast_as<F16>(x[t][j]);
      for (int g = 0; g < G; ++g) acc[t][g] = fma(values(g, j), weight, acc[t][g]);
    }
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
