#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gguf/metadata.h"

namespace fluxmlx::gguf {

// What the name of a shard says: "x-00002-of-00003.gguf" -> prefix "x", index 1 and count 3.
struct ShardName {
  std::string prefix;  // with the folder
  uint64_t index = 0;  // from 0
  uint64_t count = 1;
};

std::optional<ShardName> parse_shard_name(std::string_view path);

// The path of one shard of a set; shards are only ever looked for beside the file that was named.
std::string shard_path(const std::string& prefix, uint64_t index, uint64_t count);

// split.count of a file, checked against its name; 1 for a file that is not split.
uint64_t count_shards(const Metadata& metadata, const std::string& path);

// Checks that a file is the shard of this index in a set of this count.
void check_shard(const Metadata& metadata, uint64_t index, uint64_t count);

}  // namespace fluxmlx::gguf
