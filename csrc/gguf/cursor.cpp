#include "gguf/cursor.h"

namespace fluxmlx::gguf {

std::span<const std::byte> Cursor::take(uint64_t n, const char* field) {
  if (n > remaining()) {
    fail_at(offset_, field, " runs past the end of the file: it needs ", n, " bytes and ", remaining(),
            " are left; the file is truncated or damaged, fetch it again");
  }
  const auto taken = source_.at(offset_, n);
  offset_ += n;
  return taken;
}

std::string_view Cursor::read_string(const char* field, uint64_t max_bytes) {
  const uint64_t start = offset_;
  const auto n = read<uint64_t>(field);
  if (n > remaining()) {
    fail_at(start, field, " runs past the end of the file: its length is ", n, " bytes and ", remaining(),
            " are left; the file is truncated or damaged, fetch it again");
  }
  if (n > max_bytes) fail_at(start, field, " has a length of ", n, " bytes; expected at most ", max_bytes);
  const auto bytes = take(n, field);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

uint64_t Cursor::read_count(const char* field, uint64_t min_bytes, uint64_t limit) {
  const uint64_t start = offset_;
  const auto n = read<uint64_t>(field);
  if (n > remaining() / min_bytes) {
    fail_at(start, field, " is ", n, ", which is more than the file can hold: ", remaining(),
            " bytes are left and each takes at least ", min_bytes, "; the file is truncated or damaged");
  }
  if (n > limit) fail_at(start, field, " is ", n, "; expected at most ", limit);
  return n;
}

}  // namespace fluxmlx::gguf
