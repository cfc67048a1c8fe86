#include "gguf/file.h"

#include "base/error.h"
#include "base/text.h"
#include "gguf/parser.h"
#include "gguf/source.h"
#include "gguf/split.h"

namespace fluxmlx::gguf {
namespace {

Header parse_file(const MappedFile& file) {
  FileSource source(file);
  return parse(source, file.path());
}

// A missing shard is the file's fault and not the system's: say which one of how many.
MappedFile open_file(const std::string& path, uint64_t shard, uint64_t n_shards) {
  try {
    return MappedFile::open(path);
  } catch (const Error& error) {
    fail(error.code(), error.what(), "; it is shard ", shard + 1, " of ", n_shards, " of a split set, all of which ",
         "must lie in one folder");
  }
}

}  // namespace

File File::open(const std::string& path) {
  File file;
  file.path_ = path;
  MappedFile first = MappedFile::open(path);
  Header header = parse_file(first);
  const uint64_t n_shards = count_shards(header.metadata, path);
  if (n_shards == 1) {
    file.add_shard(std::move(first), std::move(header));
  } else {
    file.open_set(path, n_shards);
  }
  file.index_tensors();
  return file;
}

void File::open_set(const std::string& path, uint64_t n_shards) {
  const std::string prefix = parse_shard_name(path)->prefix;  // count_shards has checked the name
  for (uint64_t i = 0; i < n_shards; ++i) {
    MappedFile file = open_file(gguf::shard_path(prefix, i, n_shards), i, n_shards);
    Header header = parse_file(file);
    check_shard(header.metadata, i, n_shards);
    add_shard(std::move(file), std::move(header));
  }
  const uint64_t expected = metadata_.get_uint_or("split.tensors.count", tensors_.size());
  if (expected != tensors_.size()) {
    fail(ErrorCode::invalid_file, metadata_.file_name(), ": key \"split.tensors.count\" is ", expected, ", but the ",
         n_shards, " shards have ", tensors_.size(), " tensors; the shards are not of one set, fetch them again");
  }
}

void File::add_shard(MappedFile file, Header header) {
  const auto shard = static_cast<uint32_t>(shards_.size());
  if (shard == 0) {
    version_ = header.version;
    metadata_ = std::move(header.metadata);
  }
  for (Tensor& tensor : header.tensors) {
    tensor.shard = shard;
    tensors_.push_back(std::move(tensor));
  }
  shards_.push_back(std::move(file));
}

void File::index_tensors() {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const auto [first, is_new] = index_.try_emplace(tensors_[i].name, i);
    if (is_new) continue;
    fail(ErrorCode::invalid_file, printable(shard_path(tensors_[i])), ": tensor ", quoted(tensors_[i].name),
         " is a duplicate: ", printable(shard_path(tensors_[first->second])),
         " has it too; the shards are not of one set");
  }
}

uint64_t File::n_bytes() const noexcept {
  uint64_t n = 0;
  for (const MappedFile& shard : shards_) n += shard.n_bytes();
  return n;
}

const Tensor* File::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const MappedFile& File::shard_of(const Tensor& tensor) const {
  if (tensor.shard < shards_.size()) return shards_[tensor.shard];
  fail(ErrorCode::invalid_argument, printable(path_), ": tensor ", quoted(tensor.name), " is of shard ", tensor.shard,
       ", but there are ", shards_.size());
}

std::span<const std::byte> File::data(const Tensor& tensor) const {
  return shard_of(tensor).bytes().subspan(tensor.offset, tensor.n_bytes);
}

void File::read(const Tensor& tensor, uint64_t offset, std::span<std::byte> into) const {
  if (offset > tensor.n_bytes || into.size() > tensor.n_bytes - offset) {
    fail(ErrorCode::invalid_argument, printable(path_), ": cannot read ", into.size(), " bytes at offset ", offset,
         " of tensor ", quoted(tensor.name), ", which has ", tensor.n_bytes);
  }
  shard_of(tensor).read(tensor.offset + offset, into);
}

void File::drop_pages(const Tensor& tensor) const { shard_of(tensor).drop_pages(tensor.offset, tensor.n_bytes); }

}  // namespace fluxmlx::gguf
