#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "ops/ops.h"

namespace fluxmlx::load {

// A new uint8 array, filled once by `fill` before anyone reads it; saves the second copy that building an array from a
// buffer would make. Only for ops that take weights as blocks.
Array host_array(const Shape& shape, const ops::Ops& ops, const std::function<void(std::span<std::byte>)>& fill);

}  // namespace fluxmlx::load
