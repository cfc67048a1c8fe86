// Splits attention over rows, key/value heads and spans of positions.
#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "kernels/attention_plan.h"
#include "kernels/cache_layout.h"
#include "kernels/table.h"

namespace fluxmlx::kernels {
namespace {

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
    if (sequence.n_past < 0 || sequence.n_past + sequence.n_rows > sequence.n_blocks * kBlockPositions) {
      fail(ErrorCode::invalid_argument, "a cache of ", sequence.n_blocks * kBlockPositions, " positions cannot hold ",
           sequence.n_past, " past and ", sequence.n_rows, " new rows");
    }
    if (sequence.row_begin < 0 || sequence.row_begin + sequence.n_rows > args.n_tokens) {
      fail(ErrorCode::invalid_argument, "rows ", sequence.row_begin, " to ", sequence.row_begin + sequence.n_rows,
           " of a sequence are not in a batch of ", args.n_tokens);
    }
  }
}

// The work of one call; its tasks may run in any order on any thread.
class Work {
 public:
  Work(const Table& table, const Attention& args) : table_(table), args_(args), plan_(plan_attention(args)) {}

  int64_t n_appends() const { return static_cast<int64_t>(plan_.appends.size()) * args_.n_kv_heads; }
  int64_t n_tasks() const { return plan_.n_tasks; }

  // The new rows of one cache block go into one head, for sequences that are too long to do it as they attend.
  void append(int64_t task) const {
    AttentionBlock rows = plan_.appends[static_cast<size_t>(task / args_.n_kv_heads)];
    rows.kv_head = static_cast<int>(task % args_.n_kv_heads);
    table_.attention_append(args_, rows, attention_scratch(args_.head_dim));
  }

  void attend(int64_t task) const {
    const AttentionPiece& piece = plan_.find_piece(task);
    AttentionBlock block = piece.block;
    const int64_t index = task - piece.first_task;
    block.kv_head = static_cast<int>(index % args_.n_kv_heads);
    if (piece.is_whole) {
      attend_span(piece, block, piece.first_span + index / args_.n_kv_heads);
    } else {
      float* part = attention_scratch(part_size(block) + scratch_size(block));
      table_.attention_spans(args_, block, spans_of(piece), part, part + part_size(block));
      table_.attention_finish(args_, block, {0, 1}, part, part + part_size(block));
    }
  }

 private:
  static SpanRange spans_of(const AttentionPiece& piece) {
    return {piece.first_span, piece.first_span + piece.n_spans};
  }
  int64_t part_size(const AttentionBlock& block) const { return attention_part_size(args_, block.n_rows); }
  int64_t scratch_size(const AttentionBlock& block) const { return attention_scratch_size(args_, block.n_rows); }

  // Appends the rows that lie in this span, attends to it, and merges all spans if it is the last to be done.
  void attend_span(const AttentionPiece& piece, const AttentionBlock& block, int64_t span) const {
    float* scratch = attention_scratch(scratch_size(block));
    AttentionBlock rows = block;
    rows.row = std::max(block.row, span * kSpan - block.sequence->n_past);
    rows.n_rows = std::min(block.end(), (span + 1) * kSpan) - rows.begin();
    if (rows.n_rows > 0) table_.attention_append(args_, rows, scratch);
    float* parts = plan_.parts + piece.first_part + block.kv_head * piece.n_spans * part_size(block);
    float* part = parts + (span - piece.first_span) * part_size(block);
    table_.attention_spans(args_, block, {span, span + 1}, part, scratch);
    std::atomic<int64_t>& done = plan_.done[piece.first_counter + block.kv_head];
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == piece.n_spans) {
      table_.attention_finish(args_, block, spans_of(piece), parts, scratch);
    }
  }

  const Table& table_;
  const Attention& args_;
  const AttentionPlan& plan_;
};

}  // namespace

void attention(const Table& table, ThreadPool& pool, const Attention& args) {
  check(args);
  const Work work(table, args);
  if (work.n_appends() > 0) {
    pool.parallel_for(work.n_appends(), [&work](int64_t task, int) { work.append(task); });
  }
  pool.parallel_for(work.n_tasks(), [&work](int64_t task, int) { work.attend(task); });
}

void attention(ThreadPool& pool, const Attention& args) { attention(active_table(), pool, args); }

CacheLayout cache_layout(CacheType type, int64_t head_dim) noexcept {
  CacheLayout layout{};
  layout.cell = type == CacheType::f32 ? 4 : type == CacheType::f16 ? 2 : 1;
  const int64_t n_scales = type == CacheType::q8_0 ? (head_dim + kScaleCells - 1) / kScaleCells : 0;
  constexpr int64_t scale = 2;
  layout.key_scales = n_scales * kRowCells * scale;
  layout.value_scales = n_scales * kBlockPositions * scale;
  layout.key_group = layout.key_scales + kRowCells * head_dim * layout.cell;
  layout.keys = layout.key_group * (kBlockPositions / kRowCells);
  layout.values = layout.value_scales + kBlockPositions * round_up(head_dim, kRowCells) * layout.cell;
  return layout;
}

int64_t cache_head_bytes(CacheType type, int head_dim) noexcept {
  const CacheLayout layout = cache_layout(type, head_dim);
  return layout.keys + layout.values;
}

}  // namespace fluxmlx::kernels
