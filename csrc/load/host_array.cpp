#include "load/host_array.h"

namespace fluxmlx::load {

Array host_array(const Shape& shape, const ops::Ops& ops, const std::function<void(std::span<std::byte>)>& fill) {
  Array array = ops.new_bytes(shape);
  auto* bytes = reinterpret_cast<std::byte*>(const_cast<uint8_t*>(array.data_u8()));
  fill(std::span(bytes, array.nbytes()));
  return array;
}

}  // namespace fluxmlx::load
