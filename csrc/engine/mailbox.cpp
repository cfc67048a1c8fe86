#include "engine/mailbox.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace fluxmlx::engine {
namespace {

// Neither blocks, nor is inherited by a program that this one starts.
void configure(int descriptor) {
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

}  // namespace

Mailbox::Mailbox() {
  int ends[2];
  if (::pipe(ends) != 0) {
    fail(ErrorCode::io, "the system gave no pipe to wait for answers with: ", std::strerror(errno),
         "; close files, or raise the limit of open files");
  }
  read_end_ = ends[0];
  write_end_ = ends[1];
  configure(read_end_);
  configure(write_end_);
}

void Mailbox::close() noexcept {
  const std::lock_guard lock(mutex_);
  for (int* end : {&read_end_, &write_end_}) {
    if (*end >= 0) ::close(std::exchange(*end, -1));
  }
  keys_.clear();
}

void Mailbox::post(uint64_t key) {
  const std::lock_guard lock(mutex_);
  if (write_end_ < 0) return;
  keys_.push_back(key);
  const char byte = 0;
  if (keys_.size() == 1) (void)!::write(write_end_, &byte, 1);  // the pipe is empty, so there is room
}

std::vector<uint64_t> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  char byte;
  if (!keys_.empty()) (void)!::read(read_end_, &byte, 1);
  return std::exchange(keys_, {});
}

std::vector<uint64_t> Mailbox::wait(std::chrono::duration<double> timeout) {
  pollfd waiting{read_end_, POLLIN, 0};
  ::poll(&waiting, 1, static_cast<int>(std::ceil(timeout.count() * 1000)));  // a signal may end it early
  return take();
}

}  // namespace fluxmlx::engine
