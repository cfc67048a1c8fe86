#include "engine/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace fluxmlx::engine {
namespace {

void check(const std::vector<std::string>& stops) {
  if (stops.size() > max_stops) {
    fail(ErrorCode::invalid_argument, "stop has ", stops.size(), " strings; the limit is ", max_stops);
  }
  for (const std::string& stop : stops) {
    if (stop.empty()) fail(ErrorCode::invalid_argument, "stop has an empty string; leave it out");
    if (stop.size() > max_stop_bytes) {
      fail(ErrorCode::invalid_argument, "stop has a string of ", stop.size(), " bytes; the limit is ", max_stop_bytes);
    }
  }
}

}  // namespace

StopMatcher::Pattern::Pattern(std::string stop) : text(std::move(stop)), border(text.size(), 0) {
  for (size_t i = 1; i < text.size(); ++i) {
    size_t length = border[i - 1];
    while (length > 0 && text[length] != text[i]) length = border[length - 1];
    border[i] = length + (text[length] == text[i] ? 1 : 0);
  }
}

void StopMatcher::Pattern::advance(char byte) {
  while (n_matched > 0 && text[n_matched] != byte) n_matched = border[n_matched - 1];
  if (text[n_matched] == byte) ++n_matched;
}

StopMatcher::StopMatcher(std::vector<std::string> stops) {
  check(stops);
  for (std::string& stop : stops) patterns_.emplace_back(std::move(stop));
}

const StopMatcher::Pattern* StopMatcher::advance_all(char byte) {
  const Pattern* longest = nullptr;
  for (Pattern& pattern : patterns_) {
    pattern.advance(byte);
    const bool complete = pattern.n_matched == pattern.text.size();
    if (complete && (longest == nullptr || pattern.text.size() > longest->text.size())) longest = &pattern;
  }
  return longest;
}

size_t StopMatcher::n_held() const {
  size_t n = 0;
  for (const Pattern& pattern : patterns_) n = std::max(n, pattern.n_matched);
  return n;
}

StopMatcher::Output StopMatcher::push(std::string_view bytes) {
  if (!matched_.empty()) return {{}, true, matched_};
  for (const char byte : bytes) {
    held_.push_back(byte);
    const Pattern* match = advance_all(byte);
    if (match == nullptr) continue;
    matched_ = match->text;
    held_.resize(held_.size() - matched_.size());
    return {std::exchange(held_, {}), true, matched_};
  }
  const size_t n_free = held_.size() - n_held();
  Output output{held_.substr(0, n_free), false, {}};
  held_.erase(0, n_free);
  return output;
}

std::string StopMatcher::flush() {
  for (Pattern& pattern : patterns_) pattern.n_matched = 0;
  return std::exchange(held_, {});
}

}  // namespace fluxmlx::engine
