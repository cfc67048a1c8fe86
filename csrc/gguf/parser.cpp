#include "gguf/parser.h"

#include <algorithm>
#include <bit>

#include "base/checked.h"
#include "base/text.h"
#include "gguf/cursor.h"
#include "gguf/limits.h"
#include "gguf/read_tensors.h"
#include "gguf/read_value.h"

namespace fluxmlx::gguf {
namespace {

constexpr std::string_view kMagic = "GGUF";

void read_magic(Cursor& cursor) {
  if (cursor.n_bytes() < kMagic.size()) {
    fail(ErrorCode::invalid_file, cursor.file_name(), ": not a GGUF file: ", cursor.n_bytes(),
         " bytes; expected at least a header of 24");
  }
  const auto bytes = cursor.take(kMagic.size(), "magic");
  const std::string_view magic(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (magic != kMagic) {
    fail(ErrorCode::invalid_file, cursor.file_name(), ": not a GGUF file: the magic at offset 0 is ", quoted(magic),
         "; expected \"GGUF\"");
  }
}

uint32_t read_version(Cursor& cursor) {
  const uint64_t start = cursor.offset();
  const auto version = cursor.read<uint32_t>("version");
  if (version == 2 || version == 3) return version;
  if ((version & 0xffffu) == 0 && version >> 16 != 0 && version >> 24 < 16) {
    cursor.unsupported_at(start, "big-endian file: the version reads ", version,
                          "; expected a little-endian file of version 2 or 3, convert it again");
  }
  cursor.unsupported_at(start, "unsupported version ", version, "; expected 2 or 3, convert the model again");
}

std::string read_key(Cursor& cursor) {
  const uint64_t start = cursor.offset();
  const std::string_view key = cursor.read_string("key", kMaxKeyBytes);
  if (key.empty()) cursor.fail_at(start, "the key is empty; expected 1 to ", kMaxKeyBytes, " bytes");
  if (!is_utf8(key) || has_control_byte(key)) {
    cursor.fail_at(start, "the key ", quoted(key), " is not printable UTF-8; expected text without control bytes");
  }
  return std::string(key);
}

Metadata read_metadata(Cursor& cursor, uint64_t n) {
  Metadata metadata(cursor.file_name());
  for (uint64_t i = 0; i < n; ++i) {
    cursor.set_subject(concat("pair ", i));
    const uint64_t start = cursor.offset();
    std::string key = read_key(cursor);
    cursor.set_subject(concat("pair ", i, ", key ", quoted(key)));
    metadata.add({std::move(key), read_value(cursor), start});
  }
  return metadata;
}

uint32_t find_alignment(const Metadata& metadata) {
  const Metadata::Entry* entry = metadata.find_entry("general.alignment");
  if (entry == nullptr) return kDefaultAlignment;
  const auto* value = std::get_if<uint32_t>(&entry->value);
  if (value == nullptr || !std::has_single_bit(*value) || *value < kMinAlignment || *value > kMaxAlignment) {
    fail(ErrorCode::invalid_file, metadata.file_name(), ": key \"general.alignment\" at offset ", entry->offset, " is ",
         describe(entry->value), "; expected a UINT32 that is a power of two from ", kMinAlignment, " to ",
         kMaxAlignment);
  }
  return *value;
}

}  // namespace

Header parse(Source& source, std::string_view name) {
  Cursor cursor(source, printable(name));
  Header header;
  read_magic(cursor);
  header.version = read_version(cursor);
  const uint64_t n_tensors = cursor.read_count("n_tensors", kMinTensorEntryBytes, kMaxTensors);
  const uint64_t n_kv = cursor.read_count("n_kv", kMinKeyEntryBytes, kMaxKeys);
  header.metadata = read_metadata(cursor, n_kv);
  header.alignment = find_alignment(header.metadata);
  header.tensors = read_tensors(cursor, n_tensors, header.alignment);
  // The header lies inside the file, so the sum is small; a file without tensors may end before the padding.
  const uint64_t end = (cursor.offset() + header.alignment - 1) & ~uint64_t{header.alignment - 1};
  header.data_offset = std::min(end, cursor.n_bytes());
  place_tensors(cursor, end, header.tensors);
  return header;
}

Header parse(std::span<const std::byte> file, std::string_view name) {
  SpanSource source(file);
  return parse(source, name);
}

}  // namespace fluxmlx::gguf
