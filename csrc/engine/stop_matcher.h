#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fluxmlx::engine {

inline constexpr size_t max_stops = 16;
inline constexpr size_t max_stop_bytes = 256;

// Cuts a stream of bytes at the first stop string, as if the bytes came one at a time: the string that is complete
// first wins, and of those that end together the longest. How the stream is cut into pushes makes no difference.
class StopMatcher {
 public:
  struct Output {
    std::string bytes;  // can no longer be part of a stop string
    bool stopped = false;
    std::string matched;  // the stop string, once stopped
  };

  // Throws Error(invalid_argument) for an empty string, more than max_stops, or one longer than max_stop_bytes.
  explicit StopMatcher(std::vector<std::string> stops);

  // After a match, every later push gives no bytes and the same match.
  Output push(std::string_view bytes);

  // At the end of the stream: what was held back because a stop string might have begun there.
  std::string flush();

 private:
  // Knuth, Morris, Pratt (1977): `n_matched` bytes of `text` end the stream so far.
  struct Pattern {
    std::string text;
    std::vector<size_t> border;  // of the first i + 1 bytes: length of the longest proper prefix that also ends them
    size_t n_matched = 0;

    explicit Pattern(std::string stop);
    void advance(char byte);
  };

  const Pattern* advance_all(char byte);
  size_t n_held() const;

  std::vector<Pattern> patterns_;
  std::string held_;
  std::string matched_;
};

}  // namespace fluxmlx::engine
