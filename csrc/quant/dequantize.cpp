#include "quant/dequantize.h"

#include "base/error.h"
#include "quant/body/find.h"

namespace fluxmlx::quant {

DequantizeFn find_dequantize(TensorType type) noexcept { return FLUXMLX_ISA::find_body(type); }

void dequantize(TensorType type, std::span<const std::byte> blocks, std::span<float> out) {
  const TensorTypeInfo& info = tensor_type_info(type);
  const DequantizeFn function = find_dequantize(type);
  if (function == nullptr) fail(ErrorCode::unsupported, "this build cannot dequantise tensors of type ", info.name);
  if (blocks.size() % info.block_bytes != 0) {
    fail(ErrorCode::invalid_argument, "data of type ", info.name, " has ", blocks.size(),
         " bytes, which is not a multiple of the block of ", info.block_bytes, " bytes: pass whole blocks");
  }
  const size_t n_weights = blocks.size() / info.block_bytes * info.block_size;
  if (out.size() != n_weights) {
    fail(ErrorCode::invalid_argument, blocks.size(), " bytes of type ", info.name, " hold ", n_weights,
         " weights, but the output has room for ", out.size(), ": make them equal");
  }
  if (out.empty()) return;  // the bodies copy with memcpy, which may not be given null
  function(blocks.data(), static_cast<int64_t>(n_weights), out.data());
}

}  // namespace fluxmlx::quant
