#include "array/stream.h"

#include <algorithm>
#include <optional>

#include "array/error.h"
#include "base/error.h"
#include "base/memory.h"

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

// What MLX says of a device, or nothing.
std::optional<uint64_t> device_size(mlx_device_info info, const char* key) {
  bool known = false;
  size_t size = 0;
  check(mlx_device_info_has_key(&known, info, key));
  if (!known || mlx_device_info_get_size(&size, info, key) != 0) return std::nullopt;
  return size;
}

}  // namespace

Stream::Stream(DeviceKind kind) : kind_(kind), handle_(make_stream(kind)) {}

Stream::~Stream() { mlx_stream_free(handle_); }

DeviceKind default_device() { return gpu_available() ? DeviceKind::gpu : DeviceKind::cpu; }

// Only a card with memory of its own says what is free of it, once; the rest share the system's.
uint64_t available_memory(DeviceKind kind) {
  const uint64_t system = available_memory();
  if (kind == DeviceKind::cpu) return system;
  mlx_device device = mlx_device_new_type(MLX_GPU, 0);
  mlx_device_info info = mlx_device_info_new();
  const bool asked = mlx_device_info_get(&info, device) == 0;
  const std::optional<uint64_t> free = asked ? device_size(info, "free_memory") : std::nullopt;
  const std::optional<uint64_t> total = asked ? device_size(info, "total_memory") : std::nullopt;
  mlx_device_info_free(info);
  mlx_device_free(device);
  size_t used = 0;
  check(mlx_get_active_memory(&used));
  if (!free) return system;
  return std::min(*free, total.value_or(*free) - std::min<uint64_t>(used, total.value_or(*free)));
}

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
