#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/mapped_file.h"

namespace fluxmlx::gguf {

// Where a parser takes its bytes from.
class Source {
 public:
  virtual ~Source() = default;
  virtual uint64_t n_bytes() const noexcept = 0;

  // n bytes that the source has; the span holds until the next call.
  virtual std::span<const std::byte> at(uint64_t offset, uint64_t n) = 0;
};

// Bytes in memory.
class SpanSource final : public Source {
 public:
  explicit SpanSource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  uint64_t n_bytes() const noexcept override { return bytes_.size(); }
  std::span<const std::byte> at(uint64_t offset, uint64_t n) override { return bytes_.subspan(offset, n); }

 private:
  std::span<const std::byte> bytes_;
};

// A window that slides over a file through pread: a file that is cut short while it is parsed is an error and
// not SIGBUS, and the header, with its vocabulary, does not stay resident.
class FileSource final : public Source {
 public:
  explicit FileSource(const MappedFile& file) : file_(file) {}
  uint64_t n_bytes() const noexcept override { return file_.n_bytes(); }
  std::span<const std::byte> at(uint64_t offset, uint64_t n) override;

 private:
  const MappedFile& file_;
  std::vector<std::byte> window_;
  uint64_t start_ = 0;  // of the window in the file
};

}  // namespace fluxmlx::gguf
