#include "handles.h"

using namespace fluxmlx::mlxc;

mlx_string mlx_string_new(void) { return mlx_string{nullptr}; }

mlx_string mlx_string_new_data(const char* str) {
  return make<mlx_string>([&] { return text(str); });
}

int mlx_string_set(mlx_string* str, const mlx_string src) {
  return store(str, [&] { return get(src); });
}

const char* mlx_string_data(mlx_string str) {
  return value_or<const char*>(nullptr, [&] { return get(str).c_str(); });
}

int mlx_string_free(mlx_string str) { return destroy(str); }
