#include "array/array.h"

#include <utility>

#include "array/error.h"
#include "base/error.h"
#include "base/memory.h"

namespace fluxmlx {

Array::Array(const Array& other) {
  if (!other.empty()) check(mlx_array_set(&handle_, other.handle_));
}

Array::Array(Array&& other) noexcept : handle_(std::exchange(other.handle_, mlx_array{nullptr})) {}

Array& Array::operator=(Array other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Array::~Array() {
  if (!empty()) mlx_array_free(handle_);
}

Array Array::adopt(mlx_array handle) {
  if (handle.ctx == nullptr) check(1);
  Array array;
  array.handle_ = handle;
  return array;
}

Array Array::from(const void* data, const Shape& shape, mlx_dtype dtype) {
  uint64_t n_bytes = mlx_dtype_size(dtype);
  for (const int size : shape) n_bytes *= static_cast<uint64_t>(size);
  probe_memory(n_bytes);
  return adopt(mlx_array_new_data(data, shape.data(), static_cast<int>(shape.size()), dtype));
}

Array Array::from(std::span<const float> values, const Shape& shape) { return from(values.data(), shape, MLX_FLOAT32); }

Array Array::from(std::span<const int32_t> values) {
  return from(values.data(), {static_cast<int>(values.size())}, MLX_INT32);
}

Array Array::scalar(float value) { return adopt(mlx_array_new_float(value)); }

int Array::ndim() const { return static_cast<int>(mlx_array_ndim(handle_)); }

int Array::dim(int axis) const { return mlx_array_shape(handle_)[axis < 0 ? axis + ndim() : axis]; }

Shape Array::shape() const {
  const int* shape = mlx_array_shape(handle_);
  return Shape(shape, shape + ndim());
}

size_t Array::nbytes() const { return mlx_array_nbytes(handle_); }

mlx_dtype Array::dtype() const { return mlx_array_dtype(handle_); }

const float* Array::data_f32() const { return mlx_array_data_float32(handle_); }

mlx_array* Array::out() {
  *this = Array();
  return &handle_;
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += concat(i != 0 ? ", " : "", shape[i]);
  return text + ")";
}

const char* dtype_name(mlx_dtype dtype) {
  switch (dtype) {
    case MLX_BOOL:
      return "bool";
    case MLX_UINT8:
      return "uint8";
    case MLX_UINT16:
      return "uint16";
    case MLX_UINT32:
      return "uint32";
    case MLX_UINT64:
      return "uint64";
    case MLX_INT8:
      return "int8";
    case MLX_INT16:
      return "int16";
    case MLX_INT32:
      return "int32";
    case MLX_INT64:
      return "int64";
    case MLX_FLOAT16:
      return "float16";
    case MLX_FLOAT32:
      return "float32";
    case MLX_FLOAT64:
      return "float64";
    case MLX_BFLOAT16:
      return "bfloat16";
    case MLX_COMPLEX64:
      return "complex64";
  }
  return "unknown";
}

}  // namespace fluxmlx
