#include "gguf/source.h"

#include <algorithm>

namespace fluxmlx::gguf {
namespace {

constexpr uint64_t kWindowBytes = uint64_t{1} << 20;

}  // namespace

std::span<const std::byte> FileSource::at(uint64_t offset, uint64_t n) {
  if (offset < start_ || offset + n > start_ + window_.size()) {
    window_.resize(std::min(std::max(n, kWindowBytes), file_.n_bytes() - offset));
    start_ = offset;
    file_.read(offset, window_);
  }
  return std::span(window_).subspan(offset - start_, n);
}

}  // namespace fluxmlx::gguf
