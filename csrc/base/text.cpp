#include "base/text.h"

#include <algorithm>
#include <cstdint>

namespace fluxmlx {
namespace {

bool is_control(unsigned char byte) noexcept { return byte < 0x20 || byte == 0x7f; }

bool is_continuation(unsigned char byte) noexcept { return (byte & 0xc0) == 0x80; }

// Bytes of the code point that starts the text, or 0 when it is not well-formed.
size_t code_point_bytes(std::string_view text) noexcept {
  const auto at = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < n) return 0;
  for (size_t i = 1; i < n; ++i) {
    if (!is_continuation(at(i))) return 0;
  }
  // The second byte rules out overlong forms, surrogates and what lies above U+10FFFF.
  if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f)) return 0;
  if ((lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f)) return 0;
  return n;
}

void append_hex(std::string& out, unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const size_t n = code_point_bytes(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

bool has_control_byte(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) { return is_control(static_cast<unsigned char>(c)); });
}

std::string printable(std::string_view text, size_t max_bytes) {
  std::string out;
  size_t done = 0;
  while (done < text.size() && done < max_bytes) {
    const std::string_view rest = text.substr(done);
    const auto lead = static_cast<unsigned char>(rest[0]);
    const size_t n = code_point_bytes(rest);
    if (n == 0 || is_control(lead)) {
      append_hex(out, lead);
    } else {
      out += rest.substr(0, n);
    }
    done += std::max<size_t>(n, 1);
  }
  if (done < text.size()) out += "... (" + std::to_string(text.size()) + " bytes)";
  return out;
}

std::string quoted(std::string_view text, size_t max_bytes) {
  std::string out = "\"";
  if (text.size() <= max_bytes) return out + printable(text, max_bytes) + '"';
  size_t cut = max_bytes;
  while (cut > 0 && is_continuation(static_cast<unsigned char>(text[cut]))) --cut;
  return out + printable(text.substr(0, cut), max_bytes) + "...\" (" + std::to_string(text.size()) + " bytes)";
}

}  // namespace fluxmlx
