#pragma once

#include "kernels/body/cache.h"

// Register tiles of the two products of attention. Both are sums over rows of 16 cache cells, each row times one
// number per query; a lane is one score or one dimension, so tiles only decide which sums are under way together.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kMostQueries = 6;  // of a tile: 12 sums, two vectors of cells and a factor fill 16 registers

// Groups of 16 that T queries take at once, so that enough sums are under way to hide the latency of each.
constexpr int groups_at_once(int T) { return T == 1 ? 4 : T <= 3 ? 2 : 1; }

// Calls f<T>(i) for tiles of about the same T that cover the queries [begin, end).
template <class F>
inline void for_tiles(int64_t begin, int64_t end, const F& f) {
  for (int64_t i = begin; i < end;) {
    const int64_t n_tiles = (end - i + kMostQueries - 1) / kMostQueries;
    const int64_t size = (end - i + n_tiles - 1) / n_tiles;
    if (size == 6) f.template operator()<6>(i);
    if (size == 5) f.template operator()<5>(i);
    if (size == 4) f.template operator()<4>(i);
    if (size == 3) f.template operator()<3>(i);
    if (size == 2) f.template operator()<2>(i);
    if (size == 1) f.template operator()<1>(i);
    i += size;
  }
}

// Asks for what lies ahead in a block: its memory is read in one direction, but in pieces that the processor alone
// would find too late. The address may be behind the end.
template <class Cell>
inline void prefetch_ahead(const Cell* cells) {
  constexpr uintptr_t ahead = 2048;
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(cells) + ahead));
}

// acc[t] += x[t][i] * cells[i] over n rows; group g of the cells is `stride` cells behind group g - 1.
template <class Cells, int T, int G>
inline void add_rows(const typename Cells::Cell* cells, int64_t stride, const float* const (&x)[T], int64_t n,
                     F8 (&acc)[T][2 * G]) {
  for (int64_t i = 0; i < n; ++i) {
    F8 row[2 * G];
    for (int g = 0; g < G; ++g) {
      if constexpr (T < kMostQueries) prefetch_ahead(cells + g * stride + i * kRowCells);
      row[2 * g] = Cells::load(cells + g * stride + i * kRowCells);
      row[2 * g + 1] = Cells::load(cells + g * stride + i * kRowCells + 8);
    }
    for (int t = 0; t < T; ++t) {
      const F8 factor = broadcast(x[t][i]);
      for (int v = 0; v < 2 * G; ++v) acc[t][v] = fma(row[v], factor, acc[t][v]);
    }
  }
}

// Scores of T queries with G groups of keys.
template <class Cells, int T, int G>
inline void score_groups(const typename Cells::Cell* keys, int64_t dim, const float* q, float* scores) {
  F8 acc[T][2 * G];
  const float* x[T];
  for (int t = 0; t < T; ++t) {
    x[t] = q + t * dim;
    for (int v = 0; v < 2 * G; ++v) acc[t][v] = broadcast(0);
  }
  add_rows<Cells, T, G>(keys, dim * kRowCells, x, dim, acc);
  for (int t = 0; t < T; ++t) {
    for (int v = 0; v < 2 * G; ++v) store(scores + t * kSpan + v * 8, acc[t][v]);
  }
}

// Scores of T queries with the first groups of a block's keys.
template <class Cells, int T>
inline void score_tile(const typename Cells::Cell* keys, int64_t dim, int n_groups, const float* q, float* scores) {
  constexpr int G = groups_at_once(T);
  int g = 0;
  for (; g + G <= n_groups; g += G)
    score_groups<Cells, T, G>(keys + g * kRowCells * dim, dim, q, scores + g * kRowCells);
  for (; g < n_groups; ++g) score_groups<Cells, T, 1>(keys + g * kRowCells * dim, dim, q, scores + g * kRowCells);
}

// acc[t] += weights[t] . values over one block whose first position is `begin` of the span; each query stops at its
// own limit, because what lies behind may be anything.
template <class Cells, int T, int G>
inline void add_values(const typename Cells::Cell* values, int begin, const int (&limit)[T], const float* weights,
                       F8 (&acc)[T][2 * G]) {
  constexpr int64_t stride = kBlockPositions * kRowCells;
  const auto in_block = [begin](int n) { return n - begin < kBlockPositions ? n - begin : kBlockPositions; };
  const int common = in_block(limit[0]) < 0 ? 0 : in_block(limit[0]);
  const float* x[T];
  for (int t = 0; t < T; ++t) x[t] = weights + t * kSpan;
  add_rows<Cells, T, G>(values, stride, x, common, acc);
  for (int t = 0; t < T; ++t) {
    for (int j = common; j < in_block(limit[t]); ++j) {
      const F8 weight = broadcast(x[t][j]);
      for (int v = 0; v < 2 * G; ++v) {
        const auto* cells = values + v / 2 * stride + j * kRowCells + v % 2 * 8;
        acc[t][v] = fma(Cells::load(cells), weight, acc[t][v]);
      }
    }
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
