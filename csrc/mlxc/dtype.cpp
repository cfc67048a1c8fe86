#include "mlx/dtype.h"

#include <array>

#include "handles.h"

namespace fluxmlx::mlxc {
namespace {

// Indexed by mlx_dtype.
constexpr std::array<mx::Dtype, 14> types = {mx::bool_,   mx::uint8,   mx::uint16,   mx::uint32,   mx::uint64,
                                             mx::int8,    mx::int16,   mx::int32,    mx::int64,    mx::float16,
                                             mx::float32, mx::float64, mx::bfloat16, mx::complex64};

}  // namespace

mx::Dtype dtype(mlx_dtype type) {
  const auto index = static_cast<size_t>(type);
  if (index >= types.size()) {
    throw std::invalid_argument("there is no element type " + std::to_string(index));
  }
  return types[index];
}

mlx_dtype dtype(mx::Dtype type) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i].val() == type.val()) {
      return static_cast<mlx_dtype>(i);
    }
  }
  throw std::invalid_argument("an element type that this interface has no name for");
}

}  // namespace fluxmlx::mlxc

using namespace fluxmlx::mlxc;

size_t mlx_dtype_size(mlx_dtype dtype) {
  return value_or<size_t>(0, [&] { return size_t{fluxmlx::mlxc::dtype(dtype).size()}; });
}
