#pragma once

#include <string>
#include <string_view>

namespace fluxmlx {

// Well-formed UTF-8 as RFC 3629 defines it: no surrogates, no overlong forms, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

// Whether a byte below 0x20 or 0x7f is in the text.
bool has_control_byte(std::string_view text) noexcept;

// Text from a file as it may stand in a message: control bytes and bytes that are not UTF-8 become \xNN,
// and what is longer than max_bytes is cut and says how long it was.
std::string printable(std::string_view text, size_t max_bytes = 4096);

// The same between double quotes and short, for a key or a value inside a sentence.
std::string quoted(std::string_view text, size_t max_bytes = 80);

}  // namespace fluxmlx
