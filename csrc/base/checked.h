#pragma once

#include <cstdint>

namespace fluxmlx {

// Unsigned arithmetic on numbers from a file: false when the result does not fit, and out is then unspecified.
[[nodiscard]] inline bool checked_add(uint64_t a, uint64_t b, uint64_t& out) noexcept {
  return !__builtin_add_overflow(a, b, &out);
}

[[nodiscard]] inline bool checked_mul(uint64_t a, uint64_t b, uint64_t& out) noexcept {
  return !__builtin_mul_overflow(a, b, &out);
}

}  // namespace fluxmlx
