// The layouts that weights take for MLX, read back through MLX's own dequantize.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include "array/functions.h"
#include "bind/register.h"
#include "load/affine.h"

namespace fluxmlx::bind {
namespace {

using Floats = nb::ndarray<nb::numpy, float, nb::ndim<2>>;

TensorType type_named(const std::string& name) {
  for (const TensorTypeInfo& row : tensor_types()) {
    if (name == row.name) return row.type;
  }
  fail(ErrorCode::invalid_argument, "no tensor type is called '", name, "'");
}

Floats to_numpy(const Array& array) {
  const size_t n = array.nbytes() / sizeof(float);
  float* copy = new float[n];
  std::copy(array.data_f32(), array.data_f32() + n, copy);
  const nb::capsule owner(copy, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  return Floats(copy, {static_cast<size_t>(array.dim(0)), static_cast<size_t>(array.dim(1))}, owner);
}

Array through_affine(TensorType type, const std::byte* blocks, int n_out, int n_in, const Stream& s) {
  const load::AffinePlan plan = load::affine_plan(type);
  const TensorTypeInfo& info = tensor_type_info(type);
  const size_t row_bytes = n_in / info.block_size * info.block_bytes;
  const int n_groups = n_in / load::kGroupSize;
  const int packed_bytes = n_in * plan.bits / 8;
  std::vector<uint8_t> codes(n_in), packed(static_cast<size_t>(n_out) * packed_bytes);
  std::vector<float> scales(static_cast<size_t>(n_out) * n_groups), biases(scales.size());
  for (int r = 0; r < n_out; ++r) {
    load::to_affine(type, blocks + r * row_bytes, n_in, codes.data(), &scales[r * n_groups], &biases[r * n_groups]);
    load::pack_codes(codes.data(), n_in, plan.bits, &packed[static_cast<size_t>(r) * packed_bytes]);
  }
  const Array w = Array::from(packed.data(), {n_out, packed_bytes / 4}, MLX_UINT32);
  return mx::dequantize(w, Array::from(scales, {n_out, n_groups}), Array::from(biases, {n_out, n_groups}),
                        {"affine", plan.bits, load::kGroupSize}, MLX_FLOAT32, s);
}

Array through_microscaled(TensorType type, const std::byte* blocks, int n_out, int n_in, const Stream& s) {
  const bool nvfp4 = type == TensorType::NVFP4;
  const TensorTypeInfo& info = tensor_type_info(type);
  const int group_size = nvfp4 ? 16 : 32, n_groups = n_in / group_size;
  const size_t row_bytes = n_in / info.block_size * info.block_bytes;
  std::vector<uint8_t> packed(static_cast<size_t>(n_out) * n_in / 2), scales(static_cast<size_t>(n_out) * n_groups);
  for (int r = 0; r < n_out; ++r) {
    (nvfp4 ? load::to_nvfp4 : load::to_mxfp4)(blocks + r * row_bytes, n_in, &packed[static_cast<size_t>(r) * n_in / 2],
                                              &scales[static_cast<size_t>(r) * n_groups]);
  }
  const Array w = Array::from(packed.data(), {n_out, n_in / 8}, MLX_UINT32);
  return mx::dequantize(w, Array::from(scales.data(), {n_out, n_groups}, MLX_UINT8), Array(),
                        {nvfp4 ? "nvfp4" : "mxfp4", 4, group_size}, MLX_FLOAT32, s);
}

Floats mlx_layout(const nb::bytes& blocks, const std::string& type_name, int n_out, int n_in) {
  const Stream stream(DeviceKind::cpu);
  const TensorType type = type_named(type_name);
  const auto* data = reinterpret_cast<const std::byte*>(blocks.c_str());
  const bool microscaled = type == TensorType::MXFP4 || type == TensorType::NVFP4;
  const Array values = microscaled ? through_microscaled(type, data, n_out, n_in, stream)
                                   : through_affine(type, data, n_out, n_in, stream);
  mx::eval(values);
  return to_numpy(values);
}

}  // namespace

void register_testing_array(nb::module_& m) {
  m.def("mlx_layout", &mlx_layout, nb::arg("blocks"), nb::arg("type_name"), nb::arg("n_out"), nb::arg("n_in"),
        "Blocks of a type -> MLX's layout for it -> float32 (n_out, n_in) by MLX's dequantize.");
  m.def("affine_is_exact", [](const std::string& name) { return load::affine_plan(type_named(name)).exact; });
}

}  // namespace fluxmlx::bind
