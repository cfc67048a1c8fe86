#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "gguf/metadata.h"
#include "gguf/parser.h"
#include "gguf/tensor_source.h"

namespace fluxmlx::gguf {

// A model file, or the whole set when it is split: open, mapped and checked. Const members are safe from many threads.
class File final : public TensorSource {
 public:
  // Opens the set that the file belongs to, whichever of its shards the path names.
  static File open(const std::string& path);
  File(File&&) noexcept = default;
  File& operator=(File&&) noexcept = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const noexcept override { return path_; }
  uint32_t version() const noexcept { return version_; }
  uint32_t n_shards() const noexcept { return static_cast<uint32_t>(shards_.size()); }
  uint64_t n_bytes() const noexcept override;  // of all shards

  // Of the first shard, which holds the keys for the set.
  const Metadata& metadata() const noexcept override { return metadata_; }

  // For those who have read what they need: a vocabulary is long.
  void drop_metadata() { metadata_ = Metadata(path_); }

  // Shard after shard, each in the order of its file.
  const std::vector<Tensor>& tensors() const noexcept override { return tensors_; }
  const Tensor* find(std::string_view name) const override;

  // The tensor's bytes in the mapping, which must not outlive the file.
  std::span<const std::byte> data(const Tensor& tensor) const;

  // Copies bytes of the tensor from an offset inside it. Goes through pread: a file that shrank is an error and
  // not SIGBUS, and the mapping's pages do not become resident.
  void read(const Tensor& tensor, uint64_t offset, std::span<std::byte> into) const override;

  // Lets go of the tensor's pages in the mapping; data() still works and reads them again.
  void drop_pages(const Tensor& tensor) const;

  const std::string& shard_path(const Tensor& tensor) const { return shard_of(tensor).path(); }

 private:
  File() = default;
  void open_set(const std::string& path, uint64_t n_shards);
  void add_shard(MappedFile file, Header header);
  void index_tensors();
  const MappedFile& shard_of(const Tensor& tensor) const;

  std::string path_;
  uint32_t version_ = 0;
  Metadata metadata_;
  std::vector<Tensor> tensors_;
  std::map<std::string_view, size_t> index_;  // into tensors_, whose strings stay put when the file moves
  std::vector<MappedFile> shards_;
};

}  // namespace fluxmlx::gguf
