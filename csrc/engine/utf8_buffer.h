#pragma once

#include <string>
#include <string_view>

namespace fluxmlx::engine {

// Turns a stream of bytes, cut anywhere, into text of whole characters. Bytes that are no UTF-8 become U+FFFD exactly
// as in Python's bytes.decode("utf-8", "replace"): one for each longest start of a character that goes no further
// (Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts").
class Utf8Buffer {
 public:
  std::string push(std::string_view bytes);

  // At the end of the stream: U+FFFD if it ends inside a character, else nothing.
  std::string flush();

 private:
  std::string pending_;  // up to 3 bytes: the start of a character that may still become whole
};

}  // namespace fluxmlx::engine
