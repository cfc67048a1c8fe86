#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

namespace fluxmlx::engine {

// One place where many handles say that something came, for a caller who waits for all of them at once: a thread in
// wait(), or an event loop that watches descriptor(). Safe from any thread.
class Mailbox {
 public:
  Mailbox();
  ~Mailbox() { close(); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Readable while keys wait to be taken; -1 once closed.
  int descriptor() const noexcept { return read_end_; }

  // Gives the descriptors back; what is posted later is dropped. Not while another thread waits.
  void close() noexcept;

  // Called by handles. Writes one byte for all the keys that come before the next take().
  void post(uint64_t key);

  // The keys of handles that have news, in the order of their coming; returns at once.
  std::vector<uint64_t> take();

  // The same, after at most `timeout` of waiting for the first.
  std::vector<uint64_t> wait(std::chrono::duration<double> timeout);

 private:
  int read_end_ = -1;
  int write_end_ = -1;
  std::mutex mutex_;
  std::vector<uint64_t> keys_;
};

}  // namespace fluxmlx::engine
