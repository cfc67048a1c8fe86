#include "gguf/split.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "gguf/limits.h"

namespace fluxmlx::gguf {
namespace {

constexpr std::string_view kOf = "-of-";
constexpr std::string_view kSuffix = ".gguf";
constexpr size_t kDigits = 5;
// -00001-of-00003.gguf
constexpr size_t kTailBytes = 1 + kDigits + kOf.size() + kDigits + kSuffix.size();

// Five decimal digits, as llama.cpp writes them.
std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t n = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + static_cast<uint64_t>(c - '0');
  }
  return n;
}

std::string pad(uint64_t n) {
  const std::string digits = std::to_string(n);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

void check_count(const Metadata& metadata, uint64_t count) {
  if (count <= kMaxShards) return;
  fail(ErrorCode::invalid_file, metadata.file_name(), ": key \"split.count\" is ", count, "; expected at most ",
       kMaxShards, " shards");
}

}  // namespace

std::optional<ShardName> parse_shard_name(std::string_view path) {
  if (path.size() < kTailBytes) return std::nullopt;
  const std::string_view tail = path.substr(path.size() - kTailBytes);
  const std::string_view middle = tail.substr(1 + kDigits, kOf.size());
  if (tail[0] != '-' || middle != kOf || !tail.ends_with(kSuffix)) return std::nullopt;
  const auto number = parse_number(tail.substr(1, kDigits));
  const auto count = parse_number(tail.substr(1 + kDigits + kOf.size(), kDigits));
  if (!number || !count || *number < 1 || *number > *count) return std::nullopt;
  return ShardName{std::string(path.substr(0, path.size() - kTailBytes)), *number - 1, *count};
}

std::string shard_path(const std::string& prefix, uint64_t index, uint64_t count) {
  return concat(prefix, "-", pad(index + 1), kOf, pad(count), kSuffix);
}

uint64_t count_shards(const Metadata& metadata, const std::string& path) {
  const uint64_t count = metadata.get_uint_or("split.count", 1);
  check_count(metadata, count);
  if (count <= 1) return 1;
  const auto name = parse_shard_name(path);
  if (!name || name->count != count) {
    fail(ErrorCode::invalid_file, metadata.file_name(), ": this is a shard of a split set (split.count is ", count,
         ", split.no is ", metadata.get_uint_or("split.no", 0), "), but its name does not end in ",
         shard_path("", metadata.get_uint_or("split.no", 0), count),
         "; give the shards the names they were published under");
  }
  return count;
}

void check_shard(const Metadata& metadata, uint64_t index, uint64_t count) {
  const uint64_t found_count = metadata.get_uint("split.count");
  if (found_count != count) {
    fail(ErrorCode::invalid_file, metadata.file_name(), ": key \"split.count\" is ", found_count, "; expected ", count,
         " as in the other shards of the set");
  }
  const uint64_t found = metadata.get_uint("split.no");
  if (found != index) {
    fail(ErrorCode::invalid_file, metadata.file_name(), ": key \"split.no\" is ", found, "; expected ", index,
         " from the name of this shard");
  }
}

}  // namespace fluxmlx::gguf
