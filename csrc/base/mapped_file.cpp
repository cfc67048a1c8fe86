#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace fluxmlx {
namespace {

static_assert(sizeof(size_t) == 8, "files are mapped whole, which needs 64-bit addresses");

// macOS refuses a pread of more than 2 GiB.
constexpr size_t kMaxRead = size_t{1} << 30;

std::string system_text(int error) { return std::generic_category().message(error); }

const char* kind_of(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "of an unknown kind";
}

void check_regular(const std::string& path, mode_t mode) {
  if (S_ISREG(mode)) return;
  fail(ErrorCode::invalid_file, printable(path), ": not a regular file: it is ", kind_of(mode),
       "; give the path of a model file");
}

[[noreturn]] void fail_to_open(const std::string& path, int error) {
  struct stat link{};
  const bool is_link = ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
  if (is_link && (error == ENOENT || error == ELOOP)) {
    fail(ErrorCode::invalid_file, printable(path), ": not a regular file: it is a symbolic link that leads ",
         error == ELOOP ? "in a circle" : "to nothing", " (", system_text(error), ")");
  }
  fail(ErrorCode::io, printable(path), ": cannot be opened for reading as a regular file: ", system_text(error));
}

}  // namespace

MappedFile MappedFile::open(const std::string& path) {
  struct stat info{};
  // Looking first keeps a FIFO's writer and a device's side effects alone; the look after the open closes the race.
  if (::stat(path.c_str(), &info) != 0) fail_to_open(path, errno);
  check_regular(path, info.st_mode);
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) fail_to_open(path, errno);
  MappedFile file(path, fd);
  if (::fstat(fd, &info) != 0) fail_to_open(path, errno);
  check_regular(path, info.st_mode);
  file.n_bytes_ = static_cast<uint64_t>(info.st_size);
  file.map();
  return file;
}

void MappedFile::map() {
  if (n_bytes_ == 0) return;  // an empty range cannot be mapped
  void* data = ::mmap(nullptr, n_bytes_, PROT_READ, MAP_PRIVATE, fd_, 0);
  if (data == MAP_FAILED) {
    const int error = errno;
    const uint64_t wanted = std::exchange(n_bytes_, 0);
    fail(ErrorCode::io, printable(path_), ": cannot map ", wanted, " bytes: ", system_text(error));
  }
  data_ = static_cast<const std::byte*>(data);
}

void MappedFile::close() noexcept {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), n_bytes_);
  if (fd_ >= 0) ::close(fd_);
  data_ = nullptr;
  n_bytes_ = 0;
  fd_ = -1;
}

MappedFile::~MappedFile() { close(); }

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      data_(std::exchange(other.data_, nullptr)),
      n_bytes_(std::exchange(other.n_bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this == &other) return *this;
  close();
  path_ = std::move(other.path_);
  fd_ = std::exchange(other.fd_, -1);
  data_ = std::exchange(other.data_, nullptr);
  n_bytes_ = std::exchange(other.n_bytes_, 0);
  return *this;
}

void MappedFile::read(uint64_t offset, std::span<std::byte> into) const {
  if (offset > n_bytes_ || into.size() > n_bytes_ - offset) {
    fail(ErrorCode::invalid_argument, printable(path_), ": cannot read ", into.size(), " bytes at offset ", offset,
         " of a file of ", n_bytes_, " bytes");
  }
  while (!into.empty()) {
    const ssize_t n = ::pread(fd_, into.data(), std::min(into.size(), kMaxRead), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      fail(ErrorCode::io, printable(path_), ": cannot read ", into.size(), " bytes at offset ", offset, ": ",
           system_text(errno));
    }
    if (n == 0) {
      fail(ErrorCode::invalid_file, printable(path_), ": the file ends at offset ", offset, ", but it had ", n_bytes_,
           " bytes when it was opened; it was cut short while in use, fetch it again");
    }
    offset += static_cast<uint64_t>(n);
    into = into.subspan(static_cast<size_t>(n));
  }
}

void MappedFile::drop_pages(uint64_t offset, uint64_t n_bytes) const noexcept {
  if (offset > n_bytes_ || n_bytes > n_bytes_ - offset) return;
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  // Inward, because the pages at the edges may hold bytes of a neighbour that is still read.
  const uint64_t begin = (offset + page - 1) / page * page;
  const uint64_t end = (offset + n_bytes) / page * page;
  if (begin < end) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace fluxmlx
