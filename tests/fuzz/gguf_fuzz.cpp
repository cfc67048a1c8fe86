// Rungs: base gguf
// Options: -max_len=65536
// Any bytes at all are parsed or refused. What is parsed must keep every promise that the loader relies on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gguf/limits.h"
#include "gguf/parser.h"
#include "gguf/split.h"

namespace {

using fluxmlx::Error;
using fluxmlx::gguf::Header;
using fluxmlx::gguf::Metadata;
using fluxmlx::gguf::Tensor;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// A getter gives a value or fails with Error; its text is printable.
template <class Get>
void try_get(Get get) {
  try {
    (void)get();
  } catch (const Error& error) {
    require(!std::string_view(error.what()).empty());
  }
}

void walk(const Metadata& metadata) {
  for (const Metadata::Entry& entry : metadata.entries()) {
    require(metadata.find(entry.key) == &entry.value);
    (void)fluxmlx::gguf::describe(entry.value);
    try_get([&] { return metadata.get_string(entry.key); });
    try_get([&] { return metadata.get_uint(entry.key); });
    try_get([&] { return metadata.get_int(entry.key); });
    try_get([&] { return metadata.get_float(entry.key); });
    try_get([&] { return metadata.get_bool(entry.key); });
    try_get([&] { return metadata.get_uint_array(entry.key); });
    try_get([&] { return metadata.get_int_array(entry.key); });
    try_get([&] { return metadata.get_float_array(entry.key); });
    try_get([&] { return metadata.get_bool_array(entry.key); });
    try_get([&] { return metadata.get_string_array(entry.key).size(); });
  }
}

void walk(const Header& header, std::span<const std::byte> file) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const Tensor& tensor : header.tensors) {
    const auto& info = fluxmlx::tensor_type_info(tensor.type);
    require(!tensor.name.empty() && tensor.name.size() <= fluxmlx::gguf::kMaxNameBytes);
    require(tensor.n_elements() / info.block_size * info.block_bytes == tensor.n_bytes && tensor.n_bytes > 0);
    require(tensor.offset >= header.data_offset && (tensor.offset - header.data_offset) % header.alignment == 0);
    require(tensor.offset <= file.size() && tensor.n_bytes <= file.size() - tensor.offset);
    ranges.emplace_back(tensor.offset, tensor.offset + tensor.n_bytes);
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) require(ranges[i - 1].second <= ranges[i].first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)fluxmlx::gguf::parse_shard_name(text.substr(0, 64));
  try {
    const Header header = fluxmlx::gguf::parse(file, "fuzz.gguf");
    walk(header.metadata);
    walk(header, file);
    try_get([&] { return fluxmlx::gguf::count_shards(header.metadata, "fuzz-00001-of-00002.gguf"); });
    try_get([&] { return (fluxmlx::gguf::check_shard(header.metadata, 0, 2), 0); });
  } catch (const Error& error) {
    require(std::string_view(error.what()).starts_with("fuzz.gguf: "));
  }
  return 0;
}
