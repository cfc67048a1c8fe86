#pragma once

#include <string>

namespace fluxmlx {

// Replaces mlx-c's default error handler, which would end the process, by one that keeps the text.
// Safe to call from any thread and any number of times.
void install_mlx_error_handler();

// Throws Error(runtime) with MLX's own text if a call into mlx-c returned non-zero; std::bad_alloc if that was it.
void check(int status);

// What MLX said last on this thread, and clears it.
std::string take_mlx_error();

}  // namespace fluxmlx
