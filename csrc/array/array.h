#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mlx/c/mlx.h"

namespace fluxmlx {

using Shape = std::vector<int>;

// Owns one reference to an MLX array. Copying shares the array; an empty Array holds nothing.
class Array {
 public:
  Array() = default;
  Array(const Array& other);
  Array(Array&& other) noexcept;
  Array& operator=(Array other) noexcept;
  ~Array();

  // Takes over a handle made by mlx-c.
  static Array adopt(mlx_array handle);

  // Copies `data` into a new array.
  static Array from(const void* data, const Shape& shape, mlx_dtype dtype);
  static Array from(std::span<const float> values, const Shape& shape);
  static Array from(std::span<const int32_t> values);
  static Array scalar(float value);

  bool empty() const noexcept { return handle_.ctx == nullptr; }
  explicit operator bool() const noexcept { return !empty(); }

  int ndim() const;
  int dim(int axis) const;  // negative axes count from the end
  Shape shape() const;
  size_t nbytes() const;
  mlx_dtype dtype() const;

  // Bytes of an evaluated array that the host can read.
  const float* data_f32() const;

  mlx_array handle() const noexcept { return handle_; }

  // For calls that write a result: frees what is held and gives the slot.
  mlx_array* out();

 private:
  mlx_array handle_{nullptr};
};

std::string to_string(const Shape& shape);
const char* dtype_name(mlx_dtype dtype);

}  // namespace fluxmlx
