// dequantize() and tensor_types(): block formats for Python.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <string_view>

#include "bind/register.h"
#include "quant/dequantize.h"

namespace fluxmlx::bind {
namespace {

const TensorTypeInfo& type_named(std::string_view name) {
  for (const TensorTypeInfo& info : tensor_types()) {
    if (name == info.name) return info;
  }
  fail(ErrorCode::invalid_argument, "unknown tensor type '", name, "': tensor_types() lists those that exist");
}

nb::object dequantize(const nb::bytes& data, const std::string& type_name) {
  const TensorTypeInfo& info = type_named(type_name);
  const size_t n = data.size() / info.block_bytes * info.block_size;
  auto values = std::make_unique<float[]>(n);
  const std::span blocks(static_cast<const std::byte*>(data.data()), data.size());
  quant::dequantize(info.type, blocks, {values.get(), n});
  float* memory = values.release();
  nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, float>(memory, {n}, owner));
}

nb::dict tensor_type_table() {
  nb::dict table;
  for (const TensorTypeInfo& info : tensor_types()) {
    const bool can = quant::find_dequantize(info.type) != nullptr;
    table[info.name] = nb::make_tuple(static_cast<uint32_t>(info.type), info.block_size, info.block_bytes, can);
  }
  return table;
}

}  // namespace

void register_quant(nb::module_& m) {
  m.def("dequantize", &dequantize, nb::arg("data"), nb::arg("type_name"),
        nb::sig("def dequantize(data: bytes, type_name: str) -> numpy.typing.NDArray[numpy.float32]"),
        "The weights of whole blocks as float32 (n,).\n\n"
        "Args:\n    data: blocks as a GGUF file holds them.\n    type_name: a name from tensor_types().\n"
        "Raises:\n    InvalidArgumentError: unknown type, or data is not whole blocks.\n"
        "    UnsupportedModelError: this build cannot read the type.");
  m.def("tensor_types", &tensor_type_table, nb::sig("def tensor_types() -> dict[str, tuple[int, int, int, bool]]"),
        "Every GGUF tensor type: name -> (id, weights per block, bytes per block, whether dequantize() reads it).");
}

}  // namespace fluxmlx::bind
