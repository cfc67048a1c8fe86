// Splits attention over blocks of rows and key/value heads.
#include <algorithm>

#include "base/error.h"
#include "kernels/table.h"

namespace fluxmlx::kernels {
namespace {

// Working memory of this thread; grows to the largest model it has met.
float* thread_scratch(int64_t n) {
  static thread_local std::vector<float> memory;
  if (memory.size() < static_cast<size_t>(n)) memory.resize(static_cast<size_t>(n));
  return memory.data();
}

void check(const Attention& args) {
  if (args.head_dim <= 0 || args.head_dim % 8 != 0) {
    fail(ErrorCode::unsupported, "head_dim is ", args.head_dim, ": the kernels need a positive multiple of 8");
  }
  if (args.n_kv_heads <= 0 || args.n_heads <= 0 || args.n_heads % args.n_kv_heads != 0) {
    fail(ErrorCode::invalid_argument, args.n_heads, " heads cannot share ", args.n_kv_heads,
         " key/value heads: the first must be a multiple of the second");
  }
  if (args.rope != nullptr && (args.n_rot < 0 || args.n_rot % 2 != 0 || args.n_rot > args.head_dim)) {
    fail(ErrorCode::invalid_argument, "n_rot is ", args.n_rot, ": it must be even and at most head_dim, ",
         args.head_dim);
  }
  for (const Sequence& sequence : args.sequences) {
    if (sequence.n_past < 0 || sequence.n_past + sequence.n_rows > sequence.capacity) {
      fail(ErrorCode::invalid_argument, "a cache of ", sequence.capacity, " positions cannot hold ", sequence.n_past,
           " past and ", sequence.n_rows, " new rows");
    }
    if (sequence.row_begin < 0 || sequence.row_begin + sequence.n_rows > args.n_tokens) {
      fail(ErrorCode::invalid_argument, "rows ", sequence.row_begin, " to ", sequence.row_begin + sequence.n_rows,
           " of a sequence are not in a batch of ", args.n_tokens);
    }
  }
}

int64_t count_blocks(const Sequence& sequence, int64_t rows) { return (sequence.n_rows + rows - 1) / rows; }

int64_t count_blocks(const Attention& args, int64_t rows) {
  int64_t n = 0;
  for (const Sequence& sequence : args.sequences) n += count_blocks(sequence, rows);
  return n;
}

// Block number `index` of all sequences' blocks, each of up to `rows` rows.
AttentionBlock find_block(const Attention& args, int64_t rows, int64_t index, int kv_head) {
  const Sequence* sequence = args.sequences.data();
  for (; index >= count_blocks(*sequence, rows); ++sequence) index -= count_blocks(*sequence, rows);
  return {sequence, index * rows, std::min(rows, sequence->n_rows - index * rows), kv_head};
}

}  // namespace

void attention(const Table& table, ThreadPool& pool, const Attention& args) {
  check(args);
  constexpr int64_t append_rows = 16;
  pool.parallel_for(count_blocks(args, append_rows), [&](int64_t chunk, int) {
    const AttentionBlock block = find_block(args, append_rows, chunk, 0);
    float* head = thread_scratch(args.head_dim);
    for (int64_t row = block.row; row < block.row + block.n_rows; ++row) {
      table.attention_append(args, *block.sequence, row, head);
    }
  });
  // About 24 queries share the reading of a span; a block's bits do not depend on how many do.
  const int64_t rows = std::max<int64_t>(1, 24 / (args.n_heads / args.n_kv_heads));
  pool.parallel_for(count_blocks(args, rows) * args.n_kv_heads, [&](int64_t chunk, int) {
    const int kv_head = static_cast<int>(chunk % args.n_kv_heads);
    const AttentionBlock block = find_block(args, rows, chunk / args.n_kv_heads, kv_head);
    table.attention_block(args, block, thread_scratch(attention_scratch(args, rows)));
  });
}

void attention(ThreadPool& pool, const Attention& args) { attention(active_table(), pool, args); }

}  // namespace fluxmlx::kernels
