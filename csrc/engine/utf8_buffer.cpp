#include "engine/utf8_buffer.h"

#include <cstddef>

namespace fluxmlx::engine {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// How many bytes a character has that starts with `lead`; 0 if none does.
size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// Unicode 15, table 3-7: the second byte has a narrower range after four of the leads.
bool may_follow(unsigned char lead, size_t index, unsigned char byte) {
  unsigned char low = 0x80, high = 0xBF;
  if (index == 1) {
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  return byte >= low && byte <= high;
}

// The number of bytes at the start of `bytes` that are a character or the start of one.
size_t valid_prefix(std::string_view bytes, size_t length) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  size_t n = 1;
  while (n < length && n < bytes.size() && may_follow(lead, n, static_cast<unsigned char>(bytes[n]))) ++n;
  return n;
}

}  // namespace

std::string Utf8Buffer::push(std::string_view bytes) {
  pending_ += bytes;
  std::string_view rest = pending_;
  std::string text;
  while (!rest.empty()) {
    const size_t length = length_of(static_cast<unsigned char>(rest[0]));
    const size_t n = length == 0 ? 1 : valid_prefix(rest, length);
    if (n < length && n == rest.size()) break;  // the next bytes decide
    text += n == length ? rest.substr(0, n) : replacement;
    rest.remove_prefix(n);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text;
}

std::string Utf8Buffer::flush() {
  const bool cut = !pending_.empty();
  pending_.clear();
  return cut ? std::string(replacement) : std::string();
}

}  // namespace fluxmlx::engine
