#pragma once

// How the C handles map to C++ objects, and how exceptions become results. Every ctx is an owned pointer.
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "mlx/array.h"
#include "mlx/c/mlx.h"
#include "mlx/device.h"
#include "mlx/stream.h"

namespace fluxmlx::mlxc {

namespace mx = mlx::core;

using DeviceInfo = std::unordered_map<std::string, std::variant<std::string, size_t>>;

// Hands the text of the exception in flight to the error handler.
void report_current_exception() noexcept;

// Runs f; 0, or 1 after an exception.
template <class F>
int guard(F&& f) noexcept {
  try {
    f();
    return 0;
  } catch (...) {
    report_current_exception();
    return 1;
  }
}

// Runs f and gives its value, or the fallback after an exception.
template <class T, class F>
T value_or(T fallback, F&& f) noexcept {
  try {
    return f();
  } catch (...) {
    report_current_exception();
    return fallback;
  }
}

// The C++ object behind a handle.
template <class T, class Handle>
T& object(const Handle& handle, const char* what) {
  if (handle.ctx == nullptr) {
    throw std::invalid_argument(std::string("the handle of ") + what + " is empty: create or compute it first");
  }
  return *static_cast<T*>(handle.ctx);
}

inline mx::array& get(const mlx_array& a) { return object<mx::array>(a, "an array"); }
inline mx::Device& get(const mlx_device& d) { return object<mx::Device>(d, "a device"); }
inline mx::Stream& get(const mlx_stream& s) { return object<mx::Stream>(s, "a stream"); }
inline std::string& get(const mlx_string& s) { return object<std::string>(s, "a string"); }
inline std::vector<mx::array>& get(const mlx_vector_array& v) {
  return object<std::vector<mx::array>>(v, "a list of arrays");
}

inline DeviceInfo& get(const mlx_device_info& i) { return object<DeviceInfo>(i, "device information"); }

// What a handle of this kind points to.
template <class Handle>
using Object = std::remove_reference_t<decltype(get(std::declval<const Handle&>()))>;

// Puts a value behind a handle that may be empty.
template <class Handle>
void put(Handle& handle, Object<Handle> value) {
  using T = Object<Handle>;
  if (handle.ctx != nullptr) {
    get(handle) = std::move(value);
  } else {
    handle.ctx = new T(std::move(value));
  }
}

// *res = f()
template <class Handle, class F>
int store(Handle* res, F&& f) noexcept {
  return guard([&] { put(*res, f()); });
}

// A new handle of f(), empty after an exception.
template <class Handle, class F>
Handle make(F&& f) noexcept {
  Handle handle{nullptr};
  store(&handle, std::forward<F>(f));
  return handle;
}

template <class Handle>
int destroy(Handle handle) noexcept {
  return guard([&] { delete static_cast<Object<Handle>*>(handle.ctx); });
}

inline std::optional<mx::array> maybe(const mlx_array& a) {
  return a.ctx == nullptr ? std::nullopt : std::optional<mx::array>(get(a));
}
inline std::optional<int> maybe(mlx_optional_int v) { return v.has_value ? std::optional<int>(v.value) : std::nullopt; }
inline std::optional<float> maybe(mlx_optional_float v) {
  return v.has_value ? std::optional<float>(v.value) : std::nullopt;
}

mx::Dtype dtype(mlx_dtype type);
mlx_dtype dtype(mx::Dtype type);
inline std::optional<mx::Dtype> maybe(mlx_optional_dtype v) {
  return v.has_value ? std::optional<mx::Dtype>(dtype(v.value)) : std::nullopt;
}

inline mx::Shape shape(const int* values, size_t count) { return mx::Shape(values, values + count); }
inline std::vector<int> ints(const int* values, size_t count) { return std::vector<int>(values, values + count); }

inline std::string text(const char* s) {
  if (s == nullptr) {
    throw std::invalid_argument("a text argument is null: pass \"\" for none");
  }
  return s;
}

}  // namespace fluxmlx::mlxc
