#include "load/intake.h"

#include <algorithm>
#include <atomic>

#include "kernels/kernels.h"

namespace fluxmlx::load {
namespace {

constexpr int64_t kPartBytes = int64_t{2} << 20;     // a huge page: two threads rarely want the same new one
constexpr int64_t kPieceBytes = int64_t{256} << 10;  // stays in the cache between its read and its packing

// As many whole strips as fit into so many bytes.
int64_t rows_in(int64_t n_bytes, int64_t row_bytes, int64_t strip) {
  return std::max(strip, n_bytes / row_bytes / strip * strip);
}

}  // namespace

void Intake::add(const gguf::Tensor& tensor, int64_t first, int64_t n_rows, int64_t n_cols, bool packed,
                 std::byte* into) {
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  const int64_t row_bytes = n_cols / info.block_size * info.block_bytes;
  const int64_t step = rows_in(kPartBytes, row_bytes, kernels::strip_rows(tensor.type));
  for (int64_t row = 0; row < n_rows; row += step) {
    parts_.push_back({&tensor, first, row, std::min(step, n_rows - row), n_cols, row_bytes, packed, into});
  }
}

void Intake::read(const gguf::TensorSource& source, const Part& part, std::vector<std::byte>& buffer) {
  const auto read_rows = [&](int64_t row, int64_t n_rows, std::byte* into) {
    source.read(*part.tensor, static_cast<uint64_t>((part.first + row) * part.row_bytes),
                {into, static_cast<size_t>(n_rows * part.row_bytes)});
  };
  if (!part.packed) return read_rows(part.row, part.n_rows, part.into + part.row * part.row_bytes);
  const TensorType type = part.tensor->type;
  const int64_t strip = kernels::strip_rows(type), strip_bytes = kernels::packed_bytes(type, strip, part.n_cols);
  const int64_t step = rows_in(kPieceBytes, part.row_bytes, strip), end = part.row + part.n_rows;
  buffer.resize(static_cast<size_t>(std::max(static_cast<int64_t>(buffer.size()), step * part.row_bytes)));
  for (int64_t row = part.row; row < end; row += step) {
    const int64_t n_rows = std::min(step, end - row);
    read_rows(row, n_rows, buffer.data());
    kernels::pack(type, buffer.data(), n_rows, part.n_cols, part.into + row / strip * strip_bytes);
  }
}

void Intake::run(const gguf::TensorSource& source, ThreadPool& pool,
                 const std::function<void(uint64_t done)>& progress) {
  std::vector<std::vector<std::byte>> buffers(static_cast<size_t>(pool.n_threads()));
  std::atomic<uint64_t> done = 0;
  std::atomic<bool> failed = false;
  pool.parallel_for(static_cast<int64_t>(parts_.size()), [&](int64_t index, int thread) {
    if (failed) return;
    const Part& part = parts_[static_cast<size_t>(index)];
    try {
      read(source, part, buffers[static_cast<size_t>(thread)]);
      done += static_cast<uint64_t>(part.n_rows * part.row_bytes);
      if (thread == 0) progress(done);
    } catch (...) {
      failed = true;
      throw;
    }
  });
  progress(done);
  parts_.clear();
}

}  // namespace fluxmlx::load
