#include "bind/testing/mlxc_check.h"

#include <cmath>

namespace fluxmlx::bind::mlxc {
namespace {

Array from(const void* data, size_t count, const Ints& shape, mlx_dtype type) {
  const Ints sizes = shape == Ints{-1} ? Ints{static_cast<int>(count)} : shape;
  Array result(mlx_array_new_data(data, sizes.data(), static_cast<int>(sizes.size()), type));
  expect(!result.empty() && mlx_array_size(result) == count, "mlx_array_new_data made another array");
  return result;
}

bool close(float a, float b, float tolerance) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= tolerance * (1 + std::fabs(b));
}

template <class T>
std::string join(const std::vector<T>& list) {
  std::string out;
  for (const T& value : list) {
    out += concat(value, " ");
  }
  return out;
}

}  // namespace

void expect(bool condition, const std::string& what) {
  if (!condition) {
    fail(ErrorCode::runtime, what);
  }
}

void ok(int result, const std::string& call) { expect(result == 0, concat(call, " returned ", result)); }

Array floats(const Floats& values, const Ints& shape) { return from(values.data(), values.size(), shape, MLX_FLOAT32); }

Array ints(const Ints& values, const Ints& shape) { return from(values.data(), values.size(), shape, MLX_INT32); }

Array bools(const Ints& values) {
  const std::vector<uint8_t> bytes(values.begin(), values.end());
  return from(bytes.data(), bytes.size(), {-1}, MLX_BOOL);
}

Stream stream() {
  Device device;
  ok(mlx_get_default_device(device.out()), "mlx_get_default_device");
  Stream result;
  ok(mlx_get_default_stream(result.out(), device), "mlx_get_default_stream");
  return result;
}

Floats values(mlx_array a) {
  const Stream s = stream();
  Array wide;
  Array flat;
  ok(mlx_astype(wide.out(), a, MLX_FLOAT32, s), "mlx_astype");
  ok(mlx_contiguous(flat.out(), wide, false, s), "mlx_contiguous");
  ok(mlx_array_eval(flat), "mlx_array_eval");
  const float* data = mlx_array_data_float32(flat);
  return Floats(data, data + mlx_array_size(flat));
}

Ints shape(mlx_array a) {
  const int* sizes = mlx_array_shape(a);
  return Ints(sizes, sizes + mlx_array_ndim(a));
}

void equal(mlx_array a, const Floats& wanted, const std::string& what, float tolerance) {
  const Floats got = values(a);
  bool same = got.size() == wanted.size();
  for (size_t i = 0; same && i < got.size(); ++i) {
    same = close(got[i], wanted[i], tolerance);
  }
  expect(same, concat(what, " gave ", join(got), "instead of ", join(wanted)));
}

void equal(mlx_array a, const Floats& wanted, const Ints& wanted_shape, const std::string& what) {
  expect(shape(a) == wanted_shape, concat(what, " has shape ", join(shape(a)), "instead of ", join(wanted_shape)));
  equal(a, wanted, what);
}

}  // namespace fluxmlx::bind::mlxc
