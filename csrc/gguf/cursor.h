#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gguf/source.h"

namespace fluxmlx::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian, and so must be the machine");

// The only code that moves through the bytes of a header: every step is checked, and every error says where.
class Cursor {
 public:
  Cursor(Source& source, std::string file_name)
      : source_(source), n_bytes_(source.n_bytes()), file_name_(std::move(file_name)) {}

  uint64_t offset() const noexcept { return offset_; }
  uint64_t remaining() const noexcept { return n_bytes_ - offset_; }
  uint64_t n_bytes() const noexcept { return n_bytes_; }
  const std::string& file_name() const noexcept { return file_name_; }

  // What is being read, for messages: "tensor 3 "blk.0.attn_q.weight"".
  void set_subject(std::string subject) { subject_ = std::move(subject); }

  // The next n bytes; they hold until the next step.
  std::span<const std::byte> take(uint64_t n, const char* field);

  template <class T>
  T read(const char* field) {
    T value;
    std::memcpy(&value, take(sizeof(T), field).data(), sizeof(T));
    return value;
  }

  // A 64-bit length and that many bytes, which hold until the next step.
  std::string_view read_string(const char* field, uint64_t max_bytes);

  // A 64-bit count of entries of at least min_bytes each, refused when the rest of the file cannot hold them.
  uint64_t read_count(const char* field, uint64_t min_bytes, uint64_t limit);

  // Fails with the file, the subject and the offset in front.
  template <class... Parts>
  [[noreturn]] void fail_at(uint64_t offset, const Parts&... parts) const {
    fail(ErrorCode::invalid_file, file_name_, ": ", subject_, " at offset ", offset, ": ", parts...);
  }
  template <class... Parts>
  [[noreturn]] void unsupported_at(uint64_t offset, const Parts&... parts) const {
    fail(ErrorCode::unsupported, file_name_, ": ", subject_, " at offset ", offset, ": ", parts...);
  }

 private:
  Source& source_;
  uint64_t n_bytes_;
  std::string file_name_;
  std::string subject_ = "header";
  uint64_t offset_ = 0;  // never more than n_bytes_
};

}  // namespace fluxmlx::gguf
