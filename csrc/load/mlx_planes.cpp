#include "load/mlx_planes.h"

#include <algorithm>

#include "base/error.h"
#include "load/loader.h"

namespace fluxmlx::load {
namespace {

constexpr const char* kModes[] = {"affine", "mxfp4", "mxfp8", "nvfp4"};

mlx_dtype scale_dtype(const MlxType& type) {
  if (type.mode != MlxMode::affine) return MLX_UINT8;
  return type.scale == TensorType::F32 ? MLX_FLOAT32 : type.scale == TensorType::F16 ? MLX_FLOAT16 : MLX_BFLOAT16;
}

}  // namespace

MlxPlanes::MlxPlanes(const MlxType& type, int64_t n_rows, int64_t n_cols)
    : type_(type), n_blocks_(n_cols * type.bits / 8 / type.code_bytes) {
  const auto n = static_cast<size_t>(n_rows * n_blocks_);
  codes.resize(n * static_cast<size_t>(type.code_bytes));
  scales.resize(n * static_cast<size_t>(type.scale_bytes));
  biases.resize(n * static_cast<size_t>(type.bias_bytes));
}

void MlxPlanes::put_row(int64_t row, const std::byte* blocks) {
  for (int64_t block = row * n_blocks_; block < (row + 1) * n_blocks_; ++block) {
    for (const auto& [plane, size] : {std::pair{&scales, type_.scale_bytes}, std::pair{&biases, type_.bias_bytes},
                                      std::pair{&codes, type_.code_bytes}}) {
      std::copy_n(blocks, size, plane->data() + block * size);
      blocks += size;
    }
  }
}

ops::Weight Loader::load_mlx(const gguf::Tensor& tensor, int first, ops::Weight weight) {
  const MlxType& type = *find_mlx_type(tensor.type);
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  const int64_t row_bytes = int64_t{weight.n_in} / info.block_size * info.block_bytes;
  MlxPlanes planes(type, weight.n_out, weight.n_in);
  std::vector<std::byte> row(static_cast<size_t>(row_bytes));
  for (int64_t r = 0; r < weight.n_out; ++r) {
    read(tensor, static_cast<uint64_t>((first + r) * row_bytes), row);
    planes.put_row(r, row.data());
  }
  const Shape groups = {weight.n_out, weight.n_in / type.group_size};
  const mlx_dtype dtype = scale_dtype(type);
  weight.quantization = {kModes[static_cast<int>(type.mode)], type.bits, type.group_size};
  weight.data = Array::from(planes.codes.data(), {weight.n_out, weight.n_in * type.bits / 32}, MLX_UINT32);
  weight.scales = Array::from(planes.scales.data(), groups, dtype);
  if (type.mode == MlxMode::affine) {
    const Array biases = Array::from(planes.biases.data(), groups, dtype);
    weight.scales = mx::astype(weight.scales, ops_.dtype(), ops_.stream());
    weight.biases = mx::astype(biases, ops_.dtype(), ops_.stream());
    mx::eval(std::vector<Array>{weight.scales, weight.biases});
  }
  count(tensor, "the checkpoint's codes");
  return weight;
}

}  // namespace fluxmlx::load
