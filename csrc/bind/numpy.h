#pragma once

#include <nanobind/ndarray.h>

#include <algorithm>
#include <memory>
#include <span>

#include "bind/register.h"

namespace fluxmlx::bind {

// A copy (n,) that Python owns, and may keep.
template <class T>
nb::object to_numpy(std::span<const T> values) {
  auto copy = std::make_unique<T[]>(values.size());
  std::copy(values.begin(), values.end(), copy.get());
  T* memory = copy.release();
  nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, T>(memory, {values.size()}, owner));
}

}  // namespace fluxmlx::bind
