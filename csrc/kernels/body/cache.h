#pragma once

#include "kernels/body/cells.h"
#include "kernels/body/norm.h"
#include "kernels/body/prefetch.h"
#include "kernels/body/rope.h"
#include "kernels/table.h"

// The way of new rows into the cache; kernels/cache_layout.h says how it lies.
namespace fluxmlx::kernels::FLUXMLX_ISA {

struct HeadBlock {
  std::byte* keys;
  std::byte* values;
};

inline HeadBlock head_block(const Attention& args, const CacheLayout& layout, const Sequence& sequence, int kv_head,
                            int64_t block) {
  std::byte* keys = sequence.blocks[block] + args.layer_offset + kv_head * (layout.keys + layout.values);
  return {keys, keys + layout.keys};
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

// Up to kScaleCells numbers from dimension d of a key, number j of its group; each goes into a row of its own.
template <class Cells>
inline void put_key(const CacheLayout& layout, std::byte* group, int64_t j, const float* key, int64_t d, int n) {
  typename Cells::Cell cells[kScaleCells];
  uint16_t scale;
  Cells::encode(key + d, n, cells, &scale);
  if constexpr (Cells::kHasScales) cells_at<uint16_t>(group)[d / kScaleCells * kRowCells + j] = scale;
  auto* column = cells_at<typename Cells::Cell>(group + layout.key_scales) + d * kRowCells + j;
  for (int i = 0; i < n; ++i) column[i * kRowCells] = cells[i];
}

// The same of a value, of position j of a block.
template <class Cells>
inline void put_value(const CacheLayout& layout, std::byte* values, int64_t j, const float* value, int64_t d, int n) {
  typename Cells::Cell cells[kScaleCells];
  uint16_t scale;
  Cells::encode(value + d, n, cells, &scale);
  if constexpr (Cells::kHasScales) cells_at<uint16_t>(values)[d / kScaleCells * kBlockPositions + j] = scale;
  auto* rows = cells_at<typename Cells::Cell>(values + layout.value_scales) + d * kBlockPositions + j * kRowCells;
  for (int i = 0; i < n; i += 8) {
    auto* row = rows + i / kRowCells * kBlockPositions * kRowCells + i % kRowCells;
    __builtin_memcpy(row, cells + i, 8 * sizeof *row);
  }
}

// Asks for the lines of row j of a block, and of the keys that share lines with it: nobody has read them since the last
// token, and each cell would wait for its own.
inline void prefetch_row(const CacheLayout& layout, const HeadBlock& block, int64_t j, int64_t dim) {
  prefetch(block.keys, j / kRowCells * layout.key_group, layout.key_group);
  const int64_t row_bytes = kRowCells * layout.cell;
  for (int64_t group = 0; group * kRowCells < dim; ++group) {
    prefetch(block.values, layout.value_scales + (group * kBlockPositions + j) * row_bytes, row_bytes);
  }
}

template <class Cells>
inline void append_rows(const Attention& args, const AttentionBlock& rows, float* head) {
  const int64_t dim = args.head_dim;
  const CacheLayout layout = cache_layout(args.cache_type, dim);
  for (int64_t row = rows.row; row < rows.row + rows.n_rows; ++row) {
    const int64_t token = rows.sequence->row_begin + row;
    const int64_t position = rows.sequence->n_past + row, j = position % kBlockPositions;
    const int64_t offset = (token * args.n_kv_heads + rows.kv_head) * dim;
    const HeadBlock block = head_block(args, layout, *rows.sequence, rows.kv_head, position / kBlockPositions);
    if (row == rows.row || j % kRowCells == 0) prefetch_row(layout, block, j, dim);
    position_head(args, token, args.k + offset, args.k_norm, head);
    for (int64_t d = 0; d < dim; d += kScaleCells) {
      const int n = static_cast<int>(dim - d < kScaleCells ? dim - d : kScaleCells);
      put_key<Cells>(layout, block.keys + j / kRowCells * layout.key_group, j % kRowCells, head, d, n);
      put_value<Cells>(layout, block.values, j, args.v + offset, d, n);
    }
  }
}

// Calls f with the policy of a cache type.
template <class F>
inline void with_cells(CacheType type, const F& f) {
  if (type == CacheType::f16) f(HalfCells{});
  if (type == CacheType::f32) f(FloatCells{});
  if (type == CacheType::q8_0) f(ByteCells{});
}

// New keys and values of one head go into the cache; scratch holds head_dim floats.
inline void attention_append(const Attention& args, const AttentionBlock& rows, float* scratch) {
  with_cells(args.cache_type, [&]<class Cells>(Cells) { append_rows<Cells>(args, rows, scratch); });
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
