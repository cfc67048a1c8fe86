#include "handles.h"

using namespace fluxmlx::mlxc;
using Arrays = std::vector<mx::array>;

namespace {

void append(Arrays& to, const mlx_array* data, size_t size) {
  to.reserve(to.size() + size);
  for (size_t i = 0; i < size; ++i) {
    to.push_back(get(data[i]));
  }
}

}  // namespace

mlx_vector_array mlx_vector_array_new(void) {
  return make<mlx_vector_array>([] { return Arrays(); });
}

int mlx_vector_array_set(mlx_vector_array* vec, const mlx_vector_array src) {
  return store(vec, [&] { return get(src); });
}

int mlx_vector_array_free(mlx_vector_array vec) { return destroy(vec); }

mlx_vector_array mlx_vector_array_new_data(const mlx_array* data, size_t size) {
  return make<mlx_vector_array>([&] {
    Arrays arrays;
    append(arrays, data, size);
    return arrays;
  });
}

mlx_vector_array mlx_vector_array_new_value(const mlx_array val) { return mlx_vector_array_new_data(&val, 1); }

int mlx_vector_array_append_data(mlx_vector_array vec, const mlx_array* data, size_t size) {
  return guard([&] { append(get(vec), data, size); });
}

int mlx_vector_array_append_value(mlx_vector_array vec, const mlx_array val) {
  return guard([&] { get(vec).push_back(get(val)); });
}

size_t mlx_vector_array_size(mlx_vector_array vec) {
  return value_or<size_t>(0, [&] { return get(vec).size(); });
}

int mlx_vector_array_get(mlx_array* res, const mlx_vector_array vec, size_t idx) {
  return store(res, [&] { return get(vec).at(idx); });
}
