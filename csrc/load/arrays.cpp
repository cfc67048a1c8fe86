// Matrices as MLX arrays.
#include "base/error.h"
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
  const bool mxfp4 = tensor.type == TensorType::MXFP4;
  const AffinePlan plan = mxfp4 ? AffinePlan{4, true} : affine_plan(tensor.type);
  const int64_t n_out = weight.n_out, n_in = weight.n_in, n_groups = n_in / kGroupSize;
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  const int64_t row_bytes = n_in / info.block_size * info.block_bytes, packed_bytes = n_in * plan.bits / 8;
  std::vector<std::byte> row(row_bytes);
  std::vector<uint8_t> packed(n_out * packed_bytes), codes(n_in), exponents(mxfp4 ? n_out * n_groups : 0);
  std::vector<float> scales(mxfp4 ? 0 : n_out * n_groups), biases(scales.size());
  for (int64_t r = 0; r < n_out; ++r) {
    read(tensor, static_cast<uint64_t>((first + r) * row_bytes), row);
    if (mxfp4) {
      to_mxfp4(row.data(), n_in, &packed[r * packed_bytes], &exponents[r * n_groups]);
      continue;
    }
    to_affine(tensor.type, row.data(), n_in, codes.data(), &scales[r * n_groups], &biases[r * n_groups]);
    pack_codes(codes.data(), n_in, plan.bits, &packed[r * packed_bytes]);
  }
  const Shape groups = {weight.n_out, static_cast<int>(n_groups)};
  weight.quantization = {mxfp4 ? "mxfp4" : "affine", plan.bits, kGroupSize};
  weight.data = Array::from(packed.data(), {weight.n_out, static_cast<int>(packed_bytes / 4)}, MLX_UINT32);
  if (mxfp4) {
    weight.scales = Array::from(exponents.data(), groups, MLX_UINT8);
  } else {
    weight.scales = mx::astype(Array::from(scales, groups), ops_.dtype(), ops_.stream());
    weight.biases = mx::astype(Array::from(biases, groups), ops_.dtype(), ops_.stream());
    mx::eval(std::vector<Array>{weight.scales, weight.biases});
  }
  count(tensor, mxfp4 ? std::string("mxfp4")
                      : concat("affine ", plan.bits, " bit", plan.exact ? ", the file's codes" : ", nearest level"));
  return weight;
}

}  // namespace fluxmlx::load
