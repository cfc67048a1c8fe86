#pragma once

// Owning handles and value checks for the cases that call every function of mlx/c.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "mlx/c/mlx.h"

namespace fluxmlx::bind::mlxc {

struct Case {
  std::string name;
  std::function<void()> run;
};
using Cases = std::vector<Case>;

// One function per file of cases.
Cases array_cases();
Cases handle_cases();
Cases error_cases();
Cases fast_cases();
Cases elementwise_cases();
Cases compare_cases();
Cases shape_cases();
Cases select_cases();
Cases reduce_cases();
Cases product_cases();

// Owns one handle; Free is its mlx_..._free.
template <class Handle, int (*Free)(Handle)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, Handle{nullptr})) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() { Free(handle_); }
  operator Handle() const { return handle_; }
  Handle* out() { return &handle_; }
  bool empty() const { return handle_.ctx == nullptr; }

 private:
  Handle handle_{nullptr};
};

using Array = Owned<mlx_array, mlx_array_free>;
using Arrays = Owned<mlx_vector_array, mlx_vector_array_free>;
using Device = Owned<mlx_device, mlx_device_free>;
using Info = Owned<mlx_device_info, mlx_device_info_free>;
using Stream = Owned<mlx_stream, mlx_stream_free>;
using String = Owned<mlx_string, mlx_string_free>;

using Floats = std::vector<float>;
using Ints = std::vector<int>;

// Fail the case with a text that says what differed.
void expect(bool condition, const std::string& what);
void ok(int result, const std::string& call);

Array floats(const Floats& values, const Ints& shape = {-1});
Array ints(const Ints& values, const Ints& shape = {-1});
Array bools(const Ints& values);
Stream stream();

// Any array's values, as float32 in row-major order.
Floats values(mlx_array a);
Ints shape(mlx_array a);
void equal(mlx_array a, const Floats& wanted, const std::string& what, float tolerance = 1e-5f);
void equal(mlx_array a, const Floats& wanted, const Ints& wanted_shape, const std::string& what);

}  // namespace fluxmlx::bind::mlxc
