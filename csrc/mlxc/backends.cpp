#include "handles.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/backend/metal/metal.h"

using namespace fluxmlx::mlxc;

int mlx_metal_is_available(bool* res) {
  return guard([&] { *res = mx::metal::is_available(); });
}

int mlx_cuda_is_available(bool* res) {
  return guard([&] { *res = mx::cu::is_available(); });
}
