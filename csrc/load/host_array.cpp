#include "load/host_array.h"

#include "array/functions.h"
#include "base/memory.h"

namespace fluxmlx::load {

Array host_array(const Shape& shape, const Stream& stream, const std::function<void(std::span<std::byte>)>& fill) {
  uint64_t n_bytes = 1;
  for (const int size : shape) n_bytes *= static_cast<uint64_t>(size);
  probe_memory(n_bytes);
  Array array = mx::zeros(shape, MLX_UINT8, stream);
  mx::eval(array);
  auto* bytes = reinterpret_cast<std::byte*>(const_cast<uint8_t*>(array.data_u8()));
  fill(std::span(bytes, array.nbytes()));
  return array;
}

}  // namespace fluxmlx::load
