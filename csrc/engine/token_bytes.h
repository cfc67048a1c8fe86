#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fluxmlx::engine {

// What each token id stands for, as spans of one string: as strings of their own 128,000 of them take three times as
// much.
class TokenBytes {
 public:
  void add(std::string_view bytes) {
    whole_ += bytes;
    ends_.push_back(whole_.size());
  }
  size_t size() const noexcept { return ends_.size(); }
  bool empty() const noexcept { return ends_.empty(); }
  std::string_view operator[](size_t id) const {
    const size_t begin = id == 0 ? 0 : ends_[id - 1];
    return std::string_view(whole_).substr(begin, ends_[id] - begin);
  }

 private:
  std::string whole_;
  std::vector<size_t> ends_;
};

}  // namespace fluxmlx::engine
