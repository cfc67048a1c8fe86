// Matrices as MLX arrays.
#include "base/error.h"
#include "base/mlx_type.h"
#include "load/affine.h"
#include "load/loader.h"

namespace fluxmlx::load {

ops::Weight Loader::load_dense(const gguf::Tensor& tensor, int first, ops::Weight weight) {
  weight.layout = ops::Layout::dense;
  const Array wide = Array::from(read_floats(tensor, static_cast<uint64_t>(first), static_cast<uint64_t>(weight.n_out)),
                                 {weight.n_out, weight.n_in});
  weight.data = mx::astype(wide, ops_.dtype(), ops_.stream());
  mx::eval(weight.data);
  count(tensor, concat("plain ", dtype_name(ops_.dtype())));
  return weight;
}

ops::Weight Loader::load_quantized(const gguf::Tensor& tensor, int first, ops::Weight weight) {
  if (find_mlx_type(tensor.type) != nullptr) return load_mlx(tensor, first, std::move(weight));
  if (tensor.type == TensorType::MXFP4 || tensor.type == TensorType::NVFP4) {
    return load_microscaled(tensor, first, std::move(weight));
  }
  const AffinePlan plan = affine_plan(tensor.type);
  const int64_t n_out = weight.n_out, n_in = weight.n_in, n_groups = n_in / kGroupSize;
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  const int64_t row_bytes = n_in / info.block_size * info.block_bytes, packed_bytes = n_in * plan.bits / 8;
  std::vector<std::byte> row(row_bytes);
  std::vector<uint8_t> packed(n_out * packed_bytes), codes(n_in);
  std::vector<float> scales(n_out * n_groups), biases(scales.size());
  for (int64_t r = 0; r < n_out; ++r) {
    read(tensor, static_cast<uint64_t>((first + r) * row_bytes), row);
    to_affine(tensor.type, row.data(), n_in, codes.data(), &scales[r * n_groups], &biases[r * n_groups]);
    pack_codes(codes.data(), n_in, plan.bits, &packed[r * packed_bytes]);
  }
  const Shape groups = {weight.n_out, static_cast<int>(n_groups)};
  weight.quantization = {"affine", plan.bits, kGroupSize};
  weight.data = Array::from(packed.data(), {weight.n_out, static_cast<int>(packed_bytes / 4)}, MLX_UINT32);
  weight.scales = mx::astype(Array::from(scales, groups), ops_.dtype(), ops_.stream());
  weight.biases = mx::astype(Array::from(biases, groups), ops_.dtype(), ops_.stream());
  mx::eval(std::vector<Array>{weight.scales, weight.biases});
  count(tensor, concat("affine ", plan.bits, " bit", plan.exact ? ", the file's codes" : ", nearest level"));
  return weight;
}

ops::Weight Loader::load_microscaled(const gguf::Tensor& tensor, int first, ops::Weight weight) {
  const bool nvfp4 = tensor.type == TensorType::NVFP4;
  const int64_t n_out = weight.n_out, n_in = weight.n_in, group_size = nvfp4 ? 16 : 32, n_groups = n_in / group_size;
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  const int64_t row_bytes = n_in / info.block_size * info.block_bytes;
  std::vector<std::byte> row(row_bytes);
  std::vector<uint8_t> packed(n_out * n_in / 2), scales(n_out * n_groups);
  for (int64_t r = 0; r < n_out; ++r) {
    read(tensor, static_cast<uint64_t>((first + r) * row_bytes), row);
    (nvfp4 ? to_nvfp4 : to_mxfp4)(row.data(), n_in, &packed[r * n_in / 2], &scales[r * n_groups]);
  }
  weight.quantization = {nvfp4 ? "nvfp4" : "mxfp4", 4, static_cast<int>(group_size)};
  weight.data = Array::from(packed.data(), {weight.n_out, weight.n_in / 8}, MLX_UINT32);
  weight.scales = Array::from(scales.data(), {weight.n_out, static_cast<int>(n_groups)}, MLX_UINT8);
  count(tensor, weight.quantization.mode);
  return weight;
}

}  // namespace fluxmlx::load
