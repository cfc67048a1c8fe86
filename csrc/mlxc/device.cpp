#include <sstream>

#include "handles.h"
#include "mlx/utils.h"

using namespace fluxmlx::mlxc;

namespace {

mx::Device::DeviceType type_of(mlx_device_type type) { return type == MLX_CPU ? mx::Device::cpu : mx::Device::gpu; }

}  // namespace

mlx_device mlx_device_new(void) { return mlx_device{nullptr}; }

mlx_device mlx_device_new_type(mlx_device_type type, int index) {
  return make<mlx_device>([&] { return mx::Device(type_of(type), index); });
}

int mlx_device_free(mlx_device dev) { return destroy(dev); }

int mlx_device_set(mlx_device* dev, const mlx_device src) {
  return store(dev, [&] { return get(src); });
}

int mlx_device_tostring(mlx_string* str, mlx_device dev) {
  return store(str, [&] {
    std::ostringstream out;
    out << get(dev);
    return out.str();
  });
}

bool mlx_device_equal(mlx_device lhs, mlx_device rhs) {
  return value_or(false, [&] { return get(lhs) == get(rhs); });
}

int mlx_device_get_index(int* index, mlx_device dev) {
  return guard([&] { *index = get(dev).index; });
}

int mlx_device_get_type(mlx_device_type* type, mlx_device dev) {
  return guard([&] { *type = get(dev).type == mx::Device::cpu ? MLX_CPU : MLX_GPU; });
}

int mlx_get_default_device(mlx_device* dev) {
  return store(dev, [] { return mx::Device(mx::default_device()); });
}

int mlx_set_default_device(mlx_device dev) {
  return guard([&] { mx::set_default_device(get(dev)); });
}

int mlx_device_is_available(bool* avail, mlx_device dev) {
  return guard([&] { *avail = mx::is_available(get(dev)); });
}

int mlx_device_count(int* count, mlx_device_type type) {
  return guard([&] { *count = mx::device_count(type_of(type)); });
}
