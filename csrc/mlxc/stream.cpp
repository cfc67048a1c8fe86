#include "mlx/stream.h"

#include <sstream>

#include "handles.h"
#include "mlx/utils.h"

using namespace fluxmlx::mlxc;

mlx_stream mlx_stream_new(void) { return mlx_stream{nullptr}; }

mlx_stream mlx_stream_new_device(mlx_device dev) {
  return make<mlx_stream>([&] { return mx::new_stream(get(dev)); });
}

int mlx_stream_set(mlx_stream* stream, const mlx_stream src) {
  return store(stream, [&] { return get(src); });
}

int mlx_stream_free(mlx_stream stream) { return destroy(stream); }

int mlx_stream_tostring(mlx_string* str, mlx_stream stream) {
  return store(str, [&] {
    std::ostringstream out;
    out << get(stream);
    return out.str();
  });
}

bool mlx_stream_equal(mlx_stream lhs, mlx_stream rhs) {
  return value_or(false, [&] { return get(lhs) == get(rhs); });
}

int mlx_stream_get_device(mlx_device* dev, mlx_stream stream) {
  return store(dev, [&] { return get(stream).device; });
}

int mlx_stream_get_index(int* index, mlx_stream stream) {
  return guard([&] { *index = get(stream).index; });
}

int mlx_synchronize(mlx_stream stream) {
  return guard([&] { mx::synchronize(get(stream)); });
}

int mlx_get_default_stream(mlx_stream* stream, mlx_device dev) {
  return store(stream, [&] { return mx::default_stream(get(dev)); });
}

int mlx_set_default_stream(mlx_stream stream) {
  return guard([&] { mx::set_default_stream(get(stream)); });
}

mlx_stream mlx_default_cpu_stream_new(void) {
  return make<mlx_stream>([] { return mx::default_stream(mx::Device(mx::Device::cpu)); });
}

mlx_stream mlx_default_gpu_stream_new(void) {
  return make<mlx_stream>([] { return mx::default_stream(mx::Device(mx::Device::gpu)); });
}
