#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/mlx_type.h"
#include "checkpoint/columns.h"
#include "checkpoint/table.h"
#include "gguf/tensor_source.h"

namespace fluxmlx::checkpoint {

// Files whose tensors a table describes: the Python package reads what the files say of themselves, this class holds
// every byte range to the files as they are and reads.
class Checkpoint final : public gguf::TensorSource {
 public:
  // `held`: bytes of the parts that are in no file. `metadata` has the keys of a GGUF file.
  Checkpoint(std::string path, gguf::Metadata metadata, const std::vector<std::string>& files,
             std::vector<Entry> entries, std::string held);

  const std::string& path() const noexcept override { return path_; }
  uint64_t n_bytes() const noexcept override { return n_bytes_; }
  const gguf::Metadata& metadata() const noexcept override { return metadata_; }
  const std::vector<gguf::Tensor>& tensors() const noexcept override { return tensors_; }
  const gguf::Tensor* find(std::string_view name) const override;
  void read(const gguf::Tensor& tensor, uint64_t offset, std::span<std::byte> into) const override;

 private:
  void add(Entry entry);
  void read_blocks(const Entry& entry, const MlxType& type, uint64_t offset, std::span<std::byte> into) const;
  void read_row(const Entry& entry, const MlxType& type, uint64_t row, std::span<std::byte> blocks,
                std::vector<std::byte>& piece) const;
  void read_plane(size_t index, const Plane& plane, uint64_t position, std::span<std::byte> into) const;
  void read_parts(const Plane& plane, uint64_t position, std::span<std::byte> into) const;
  std::vector<std::byte> read_columns(const Entry& entry, const Plane& plane, uint64_t matrix) const;

  std::string path_;
  gguf::Metadata metadata_;
  std::vector<MappedFile> files_;
  std::string held_;
  std::vector<Entry> entries_;
  std::vector<gguf::Tensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
  uint64_t n_bytes_ = 0;
  mutable Columns columns_;
};

}  // namespace fluxmlx::checkpoint
