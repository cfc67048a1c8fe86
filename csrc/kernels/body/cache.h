#pragma once

#include "kernels/body/norm.h"
#include "kernels/body/rope.h"
#include "kernels/table.h"

// How one key/value head of one layer lies in a cache block, and the way of new rows into it. Keys are in groups of 16
// positions, (kBlockPositions / 16, head_dim, 16), values in groups of 16 dimensions, (head_dim / 16, kBlockPositions,
// 16). Both products of attention then walk through memory in one direction, and their sums stay in their lanes.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kRowCells = 16;

struct HalfCells {
  using Cell = uint16_t;
  static F8 load(const Cell* p) { return load_half(p); }
  static void store(Cell* p, F8 a) { store_half(p, a); }
};

struct FloatCells {
  using Cell = float;
  static F8 load(const Cell* p) { return FLUXMLX_ISA::load(p); }
  static void store(Cell* p, F8 a) { FLUXMLX_ISA::store(p, a); }
};

template <class Cells>
struct HeadBlock {
  typename Cells::Cell* keys;
  typename Cells::Cell* values;
};

template <class Cells>
inline HeadBlock<Cells> head_block(const Attention& args, const Sequence& sequence, int kv_head, int64_t block) {
  const int64_t offset = args.layer_offset + kv_head * cache_head_bytes(args.cache_type, args.head_dim);
  auto* keys = reinterpret_cast<typename Cells::Cell*>(sequence.blocks[block] + offset);
  return {keys, keys + int64_t{kBlockPositions} * args.head_dim};
}

// Norm (if any) and rotation (if any) of one head.
inline void position_head(const Attention& args, int64_t token, const float* x, const float* norm, float* y) {
  if (norm != nullptr) {
    rms_norm(x, args.head_dim, norm, args.norm_eps, y);
  } else {
    for (int i = 0; i < args.head_dim; i += 8) store(y + i, load(x + i));
  }
  if (args.rope != nullptr) rotate(args.rope + token * args.n_rot, args.n_rot, args.rope_interleaved, y);
}

template <class Cells>
inline void append_rows(const Attention& args, const AttentionBlock& rows, float* head) {
  const int64_t dim = args.head_dim;
  typename Cells::Cell cells[8];
  for (int64_t row = rows.row; row < rows.row + rows.n_rows; ++row) {
    const int64_t token = rows.sequence->row_begin + row;
    const int64_t position = rows.sequence->n_past + row, j = position % kBlockPositions;
    const int64_t offset = (token * args.n_kv_heads + rows.kv_head) * dim;
    const HeadBlock<Cells> block = head_block<Cells>(args, *rows.sequence, rows.kv_head, position / kBlockPositions);
    position_head(args, token, args.k + offset, args.k_norm, head);
    typename Cells::Cell* key = block.keys + j / kRowCells * kRowCells * dim + j % kRowCells;
    for (int64_t d = 0; d < dim; d += 8) {
      Cells::store(cells, load(head + d));
      for (int i = 0; i < 8; ++i) key[(d + i) * kRowCells] = cells[i];
      const int64_t group = d / kRowCells * kBlockPositions;
      Cells::store(block.values + (group + j) * kRowCells + d % kRowCells, load(args.v + offset + d));
    }
  }
}

// New keys and values of one head go into the cache; scratch holds head_dim floats.
inline void attention_append(const Attention& args, const AttentionBlock& rows, float* scratch) {
  if (args.cache_type == CacheType::f32) {
    append_rows<FloatCells>(args, rows, scratch);
  } else {
    append_rows<HalfCells>(args, rows, scratch);
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
