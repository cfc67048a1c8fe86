#include "base/process.h"

#include <unistd.h>

#include "base/error.h"

namespace fluxmlx {

HomeProcess::HomeProcess() noexcept : id_(::getpid()) {}

bool HomeProcess::is_here() const noexcept { return ::getpid() == id_; }

void HomeProcess::check() const {
  if (is_here()) return;
  fail(ErrorCode::runtime, "the model was loaded by process ", id_, ", and this is its fork ", ::getpid(),
       ", which has none of its threads; load the model after the fork, or start processes with multiprocessing's "
       "\"spawn\"");
}

}  // namespace fluxmlx
