#pragma once

namespace fluxmlx {

// Where threads of this process run. Linux alone tells and lets it be chosen; elsewhere nothing is known and nothing
// done.

int n_processors() noexcept;       // that the calling thread may use, at least 1
int current_processor() noexcept;  // -1: unknown

// Takes the calling thread to any other processor that it may use; afterwards it may use the same ones as before.
void leave_processor(int processor) noexcept;

}  // namespace fluxmlx
