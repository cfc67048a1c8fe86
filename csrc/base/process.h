#pragma once

#include <sys/types.h>

namespace fluxmlx {

// The process that made an object. A fork copies memory but no threads, so a copy in the child must neither wait
// for them nor lock or destroy what they may have held.
class HomeProcess {
 public:
  HomeProcess() noexcept;

  bool is_here() const noexcept;

  // Throws Error(runtime) in a fork of that process.
  void check() const;

 private:
  pid_t id_;
};

}  // namespace fluxmlx
