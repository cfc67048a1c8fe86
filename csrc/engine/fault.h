#pragma once

#include <exception>

#include "base/error.h"

namespace fluxmlx::engine {

// What is told to a caller of any exception: an Error as it is, no memory as out_of_memory, the rest as runtime.
Error to_error(const std::exception_ptr& exception);

}  // namespace fluxmlx::engine
