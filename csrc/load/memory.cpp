// What the tensors of a file take in memory.
#include <cstdlib>
#include <string_view>

#include "base/mlx_type.h"
#include "kernels/kernels.h"
#include "load/affine.h"
#include "load/loader.h"

namespace fluxmlx::load {
namespace {

// A matrix of a block type, in MLX's form with scales of `scale_bytes` each.
uint64_t quantized_bytes(TensorType type, uint64_t n, uint64_t scale_bytes) {
  if (const MlxType* mlx = find_mlx_type(type)) {
    const auto bits = static_cast<uint64_t>(mlx->bits), group_size = static_cast<uint64_t>(mlx->group_size);
    return n * bits / 8 + n / group_size * (mlx->mode == MlxMode::affine ? 2 * scale_bytes : 1);
  }
  if (type == TensorType::MXFP4) return n / 2 + n / 32;
  if (type == TensorType::NVFP4) return n / 2 + n / 16;
  return n * static_cast<uint64_t>(affine_plan(type).bits) / 8 + n / kGroupSize * 2 * scale_bytes;
}

// Tests name a layout: "blocks" for kernels that take float activations, "small" for a file that barely fits.
bool is_forced(std::string_view layout) {
  const char* forced = std::getenv("FLUXMLX_FORCE_LAYOUT");
  return forced != nullptr && layout == forced;
}

// One row of a block's columns, in a strip.
uint64_t packed_block_bytes(TensorType type) {
  const int strip = kernels::strip_rows(type);
  return static_cast<uint64_t>(kernels::packed_bytes(type, strip, tensor_type_info(type).block_size) / strip);
}

}  // namespace

uint64_t count_elements(const gguf::Tensor& tensor) noexcept {
  uint64_t n = 1;
  for (const uint64_t size : tensor.ne) n *= size;  // the reader has checked the product
  return n;
}

bool Loader::packs(TensorType type) const {
  if (!kernels::has_packed(type) || is_forced("blocks")) return false;
  const uint64_t in_file = tensor_type_info(type).block_bytes;
  return packed_block_bytes(type) <= in_file + in_file / 16 || !(small_ || is_forced("small"));
}

bool Loader::fills_strips(const gguf::Tensor& tensor) {
  const auto strip = static_cast<uint64_t>(kernels::strip_rows(tensor.type));
  if (!is_float(tensor.type)) return true;
  const uint64_t n_rows = tensor.ne.size() < 2 ? 1 : tensor.ne[1];
  return n_rows >= strip && (tensor.ne.size() < 3 || n_rows % strip == 0);
}

// Rows that fill up a last strip are too few to count.
uint64_t Loader::kernel_bytes(TensorType type, uint64_t n) const {
  const TensorTypeInfo& info = tensor_type_info(type);
  return n / info.block_size * (packs(type) ? packed_block_bytes(type) : info.block_bytes);
}

uint64_t Loader::n_bytes_held() const {
  const bool by_kernels = ops_.weight_layout() == ops::Layout::packed;
  const uint64_t number = mlx_dtype_size(ops_.dtype());
  uint64_t held = 0;
  for (const gguf::Tensor& tensor : source_.tensors()) {
    const uint64_t n = count_elements(tensor);
    held += by_kernels              ? kernel_bytes(tensor.type, n)
            : is_float(tensor.type) ? n * number
                                    : quantized_bytes(tensor.type, n, number);
  }
  return held;
}

}  // namespace fluxmlx::load
