#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace fluxmlx {

// A regular file, open and mapped read-only. Anything else (a directory, FIFO, device, socket, broken link) is
// refused without being opened, so that nothing blocks.
class MappedFile {
 public:
  static MappedFile open(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  uint64_t n_bytes() const noexcept { return n_bytes_; }

  // The mapping. Reading it after the file was cut short raises SIGBUS; read() does not.
  std::span<const std::byte> bytes() const noexcept { return {data_, n_bytes_}; }

  // Copies bytes through pread: a file that shrank since it was opened is an error, and the pages of the
  // mapping stay untouched. Safe from many threads.
  void read(uint64_t offset, std::span<std::byte> into) const;

  // Tells the system that the pages inside this range of the mapping are not needed any more.
  void drop_pages(uint64_t offset, uint64_t n_bytes) const noexcept;

 private:
  MappedFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  void map();
  void close() noexcept;

  std::string path_;
  int fd_ = -1;
  const std::byte* data_ = nullptr;
  uint64_t n_bytes_ = 0;
};

}  // namespace fluxmlx
