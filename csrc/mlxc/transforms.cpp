#include "mlx/transforms.h"

#include "handles.h"

using namespace fluxmlx::mlxc;

int mlx_eval(const mlx_vector_array outputs) {
  return guard([&] { mx::eval(get(outputs)); });
}

int mlx_async_eval(const mlx_vector_array outputs) {
  return guard([&] { mx::async_eval(get(outputs)); });
}
