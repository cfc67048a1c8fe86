#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "array/array.h"
#include "array/stream.h"

namespace fluxmlx::load {

// A new uint8 array in memory that the host can write, filled once by `fill` before anyone reads it; saves the
// second copy that building an array from a buffer would make. For CPU streams.
Array host_array(const Shape& shape, const Stream& stream, const std::function<void(std::span<std::byte>)>& fill);

}  // namespace fluxmlx::load
