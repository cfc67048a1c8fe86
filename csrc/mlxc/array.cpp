#include "mlx/array.h"

#include <cstring>
#include <sstream>

#include "handles.h"
#include "mlx/utils.h"

using namespace fluxmlx::mlxc;

namespace {

mx::Shape checked_shape(const void* data, const int* dims, int count) {
  if (count < 0 || (count > 0 && dims == nullptr)) {
    throw std::invalid_argument("a shape of " + std::to_string(count) + " dimensions: give 0 or more, and their sizes");
  }
  bool empty = false;
  for (int i = 0; i < count; ++i) {
    if (dims[i] < 0) {
      throw std::invalid_argument("dimension " + std::to_string(i) + " is " + std::to_string(dims[i]) +
                                  ": sizes are 0 or more");
    }
    empty = empty || dims[i] == 0;
  }
  if (data == nullptr && !empty) {
    throw std::invalid_argument("the data of an array is null: only an array without elements may have none");
  }
  return shape(dims, static_cast<size_t>(count));
}

mx::array copied(const void* data, const int* dims, int count, mlx_dtype type) {
  const mx::Shape sizes = checked_shape(data, dims, count);
  size_t bytes = dtype(type).size();
  for (const auto size : sizes) {
    bytes *= static_cast<size_t>(size);
  }
  mx::array result(mx::allocator::malloc(bytes), sizes, dtype(type));
  if (bytes != 0) {
    std::memcpy(result.data<char>(), data, bytes);
  }
  return result;
}

}  // namespace

mlx_array mlx_array_new(void) { return mlx_array{nullptr}; }

int mlx_array_free(mlx_array arr) { return destroy(arr); }

int mlx_array_set(mlx_array* arr, const mlx_array src) {
  return store(arr, [&] { return get(src); });
}

mlx_array mlx_array_new_bool(bool val) {
  return make<mlx_array>([&] { return mx::array(val); });
}

mlx_array mlx_array_new_int(int val) {
  return make<mlx_array>([&] { return mx::array(val); });
}

mlx_array mlx_array_new_float32(float val) {
  return make<mlx_array>([&] { return mx::array(val); });
}

mlx_array mlx_array_new_float(float val) { return mlx_array_new_float32(val); }

mlx_array mlx_array_new_data(const void* data, const int* shape, int dim, mlx_dtype dtype) {
  return make<mlx_array>([&] { return copied(data, shape, dim, dtype); });
}

int mlx_array_set_data(mlx_array* arr, const void* data, const int* shape, int dim, mlx_dtype dtype) {
  return store(arr, [&] { return copied(data, shape, dim, dtype); });
}

mlx_array mlx_array_new_data_managed(void* data, const int* shape, int dim, mlx_dtype dtype, void (*dtor)(void*)) {
  return mlx_array_new_data_managed_payload(data, shape, dim, dtype, data, dtor);
}

mlx_array mlx_array_new_data_managed_payload(void* data, const int* shape, int dim, mlx_dtype dtype, void* payload,
                                             void (*dtor)(void*)) {
  return make<mlx_array>([&] {
    return mx::array(data, checked_shape(data, shape, dim), fluxmlx::mlxc::dtype(dtype),
                     [dtor, payload](void*) { dtor(payload); });
  });
}

size_t mlx_array_itemsize(const mlx_array arr) {
  return value_or<size_t>(0, [&] { return get(arr).itemsize(); });
}

size_t mlx_array_size(const mlx_array arr) {
  return value_or<size_t>(0, [&] { return get(arr).size(); });
}

size_t mlx_array_nbytes(const mlx_array arr) {
  return value_or<size_t>(0, [&] { return get(arr).nbytes(); });
}

size_t mlx_array_ndim(const mlx_array arr) {
  return value_or<size_t>(0, [&] { return get(arr).ndim(); });
}

const int* mlx_array_shape(const mlx_array arr) {
  return value_or<const int*>(nullptr, [&] { return get(arr).shape().data(); });
}

// MLX keeps signed strides; the interface shows the same bits as unsigned.
const size_t* mlx_array_strides(const mlx_array arr) {
  return value_or<const size_t*>(nullptr, [&] { return reinterpret_cast<const size_t*>(get(arr).strides().data()); });
}

int mlx_array_dim(const mlx_array arr, int dim) {
  return value_or(0, [&] { return static_cast<int>(get(arr).shape(dim)); });
}

mlx_dtype mlx_array_dtype(const mlx_array arr) {
  return value_or(MLX_BOOL, [&] { return dtype(get(arr).dtype()); });
}

int mlx_array_tostring(mlx_string* str, const mlx_array arr) {
  return store(str, [&] {
    std::ostringstream out;
    out << get(arr);
    return out.str();
  });
}
