#include "array/stream.h"

#include "array/error.h"
#include "base/error.h"

namespace fluxmlx {
namespace {

bool gpu_available() {
  install_mlx_error_handler();
  bool metal = false;
  bool cuda = false;
  check(mlx_metal_is_available(&metal));
  check(mlx_cuda_is_available(&cuda));
  return metal || cuda;
}

mlx_stream make_stream(DeviceKind kind) {
  install_mlx_error_handler();
  mlx_device device = mlx_device_new_type(kind == DeviceKind::gpu ? MLX_GPU : MLX_CPU, 0);
  mlx_stream stream = mlx_stream_new_device(device);
  mlx_device_free(device);
  if (stream.ctx == nullptr) fail(ErrorCode::runtime, "MLX gave no stream: ", take_mlx_error());
  return stream;
}

}  // namespace

Stream::Stream(DeviceKind kind) : kind_(kind), handle_(make_stream(kind)) {}

Stream::~Stream() { mlx_stream_free(handle_); }

DeviceKind default_device() { return gpu_available() ? DeviceKind::gpu : DeviceKind::cpu; }

std::vector<std::string> device_names() {
  std::vector<std::string> names = {"cpu"};
  bool metal = false;
  if (gpu_available()) {
    check(mlx_metal_is_available(&metal));
    names.push_back(metal ? "gpu (Metal)" : "gpu (CUDA)");
  }
  return names;
}

std::string mlx_version_text() {
  mlx_string text = mlx_string_new();
  check(mlx_version(&text));
  std::string version = mlx_string_data(text);
  mlx_string_free(text);
  return version;
}

}  // namespace fluxmlx
