#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace fluxmlx::checkpoint {
namespace {

uint64_t whole_bytes(const gguf::Tensor& tensor) {
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  return tensor.n_elements() / info.block_size * info.block_bytes;
}

}  // namespace

Checkpoint::Checkpoint(std::string path, gguf::Metadata metadata, const std::vector<std::string>& files,
                       std::vector<Entry> entries, std::string held)
    : path_(std::move(path)), metadata_(std::move(metadata)), held_(std::move(held)) {
  for (const std::string& file : files) files_.push_back(MappedFile::open(file));
  std::vector<uint64_t> sizes;
  for (const MappedFile& file : files_) sizes.push_back(file.n_bytes());
  for (Entry& entry : entries) {
    check(entry, sizes, held_.size(), path_);
    add(std::move(entry));
  }
}

void Checkpoint::add(Entry entry) {
  entry.tensor.n_bytes = whole_bytes(entry.tensor);
  entry.tensor.shard = static_cast<uint32_t>(entries_.size());
  n_bytes_ += entry.tensor.n_bytes;
  if (!index_.try_emplace(entry.tensor.name, entries_.size()).second) {
    fail(ErrorCode::invalid_file, printable(path_), ": tensor ", quoted(entry.tensor.name), " is there twice");
  }
  tensors_.push_back(entry.tensor);
  entries_.push_back(std::move(entry));
}

const gguf::Tensor* Checkpoint::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

void Checkpoint::read(const gguf::Tensor& tensor, uint64_t offset, std::span<std::byte> into) const {
  if (tensor.shard >= entries_.size() || offset > tensor.n_bytes || into.size() > tensor.n_bytes - offset) {
    fail(ErrorCode::invalid_argument, printable(path_), ": cannot read ", into.size(), " bytes at offset ", offset,
         " of tensor ", quoted(tensor.name), ", which has ", tensor.n_bytes);
  }
  const Entry& entry = entries_[tensor.shard];
  if (const MlxType* type = find_mlx_type(tensor.type)) return read_blocks(entry, *type, offset, into);
  const Plane& plane = entry.planes[0];
  const uint64_t row_bytes = plane.row_bytes, n_rows = tensor.n_bytes / row_bytes;
  while (!into.empty()) {
    const uint64_t row = offset / row_bytes, within = offset % row_bytes, first = entry.order.at(row);
    uint64_t n_run = 1;  // rows that are neighbours in the files, too
    while (n_run * row_bytes - within < into.size() && row + n_run < n_rows &&
           entry.order.at(row + n_run) == first + n_run) {
      ++n_run;
    }
    const std::span<std::byte> run = into.first(std::min<uint64_t>(into.size(), n_run * row_bytes - within));
    read_plane(tensor.shard, plane, first * row_bytes + within, run);
    into = into.subspan(run.size());
    offset += run.size();
  }
}

void Checkpoint::read_blocks(const Entry& entry, const MlxType& type, uint64_t offset,
                             std::span<std::byte> into) const {
  const TensorTypeInfo& info = tensor_type_info(entry.tensor.type);
  std::vector<std::byte> row(entry.tensor.ne[0] / info.block_size * info.block_bytes), piece;
  while (!into.empty()) {
    const uint64_t within = offset % row.size();
    read_row(entry, type, entry.order.at(offset / row.size()), row, piece);
    const size_t n = std::min<size_t>(into.size(), row.size() - within);
    std::memcpy(into.data(), row.data() + within, n);
    into = into.subspan(n);
    offset += n;
  }
}

// The planes are codes, scales and biases; a block has scales, biases, codes.
void Checkpoint::read_row(const Entry& entry, const MlxType& type, uint64_t row, std::span<std::byte> blocks,
                          std::vector<std::byte>& piece) const {
  const int sizes[] = {type.code_bytes, type.scale_bytes, type.bias_bytes};
  const int begins[] = {type.scale_bytes + type.bias_bytes, 0, type.scale_bytes};
  const int block_bytes = begins[0] + sizes[0];
  for (size_t p = 0; p < entry.planes.size(); ++p) {
    const Plane& plane = entry.planes[p];
    const auto size = static_cast<size_t>(sizes[p]);
    piece.resize(plane.row_bytes);
    read_parts(plane, row * plane.row_bytes, piece);
    std::byte* to = blocks.data() + begins[p];
    for (size_t at = 0; at < piece.size(); at += size, to += block_bytes) std::memcpy(to, &piece[at], size);
  }
}

void Checkpoint::read_plane(size_t index, const Plane& plane, uint64_t position, std::span<std::byte> into) const {
  if (plane.n_columns == 0) return read_parts(plane, position, into);
  const uint64_t matrix_bytes = plane.row_bytes * plane.n_columns;
  while (!into.empty()) {
    const uint64_t matrix = position / matrix_bytes, within = position % matrix_bytes;
    const Columns::Bytes bytes =
        columns_.get({index, matrix}, [&] { return read_columns(entries_[index], plane, matrix); });
    const uint64_t n = std::min<uint64_t>(into.size(), matrix_bytes - within);
    std::memcpy(into.data(), bytes->data() + within, n);
    into = into.subspan(n);
    position += n;
  }
}

std::vector<std::byte> Checkpoint::read_columns(const Entry& entry, const Plane& plane, uint64_t matrix) const {
  const uint64_t element_bytes = tensor_type_info(entry.tensor.type).block_bytes;
  std::vector<std::byte> bytes(plane.row_bytes * plane.n_columns);
  read_parts(plane, matrix * bytes.size(), bytes);
  return turned(bytes, plane.row_bytes / element_bytes, plane.n_columns, element_bytes);
}

void Checkpoint::read_parts(const Plane& plane, uint64_t position, std::span<std::byte> into) const {
  for (const Part& part : plane.parts) {
    if (into.empty()) return;
    if (position >= part.n_bytes) {
      position -= part.n_bytes;
      continue;
    }
    const std::span<std::byte> piece = into.first(std::min<uint64_t>(into.size(), part.n_bytes - position));
    if (part.file == Part::kHeld) {
      std::memcpy(piece.data(), held_.data() + part.offset + position, piece.size());
    } else {
      files_[part.file].read(part.offset + position, piece);
    }
    into = into.subspan(piece.size());
    position = 0;
  }
}

}  // namespace fluxmlx::checkpoint
