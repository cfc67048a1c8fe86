// dequantize(), encode() and tensor_types(): block formats for Python.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "base/mlx_type.h"
#include "bind/register.h"
#include "quant/dequantize.h"
#include "quant/encode.h"

namespace fluxmlx::bind {
namespace {

constexpr int kMaxThreads = 1024;

using Types = std::span<const TensorTypeInfo>;

const TensorTypeInfo& type_named(std::string_view name, std::initializer_list<Types> known) {
  for (const Types types : known) {
    for (const TensorTypeInfo& info : types) {
      if (name == info.name) return info;
    }
  }
  fail(ErrorCode::invalid_argument, "unknown tensor type '", name, "': tensor_types() lists those that exist");
}

nb::object dequantize(const nb::bytes& data, const std::string& type_name) {
  const TensorTypeInfo& info = type_named(type_name, {tensor_types(), mlx_types()});
  const size_t n = data.size() / info.block_bytes * info.block_size;
  auto values = std::make_unique<float[]>(n);
  const std::span blocks(static_cast<const std::byte*>(data.data()), data.size());
  quant::dequantize(info.type, blocks, {values.get(), n});
  float* memory = values.release();
  nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, float>(memory, {n}, owner));
}

using Floats = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

nb::bytes encode(const Floats& values, const std::string& type_name, int threads) {
  const TensorTypeInfo& info = type_named(type_name, {tensor_types()});
  if (threads < 0 || threads > kMaxThreads) {
    fail(ErrorCode::invalid_argument, "threads is ", threads, "; expected 0 (all) to ", kMaxThreads);
  }
  const size_t n_bytes = values.size() / info.block_size * info.block_bytes;
  nb::bytes blocks = nb::steal<nb::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(n_bytes)));
  if (!blocks.is_valid()) throw nb::python_error();
  const std::span<char> into(PyBytes_AsString(blocks.ptr()), n_bytes);
  nb::gil_scoped_release release;
  ThreadPool pool(threads == 0 ? available_threads() : threads);
  quant::encode(info.type, {values.data(), values.size()}, std::as_writable_bytes(into), pool);
  return blocks;
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
        "Args:\n    data: blocks as a GGUF file holds them, or as Checkpoint.tensor_bytes() gives them.\n"
        "    type_name: a name from tensor_types(), or a type of MLX's such as \"affine 4 bit g64 BF16\".\n"
        "Raises:\n    InvalidArgumentError: unknown type, or data is not whole blocks.\n"
        "    UnsupportedModelError: this build cannot read the type.");
  m.def("encode", &encode, nb::arg("values"), nb::arg("type_name"), nb::arg("threads") = 0,
        nb::sig("def encode(values: numpy.typing.NDArray[numpy.float32], type_name: str, threads: int = 0) -> bytes"),
        "The blocks of a type that are near to values, float32 (n,): what dequantize() takes.\n\n"
        "Args:\n    values: whole blocks of finite numbers.\n    type_name: a name from tensor_types().\n"
        "    threads: 0: all that this process may use; the bytes are the same for any number.\n"
        "Raises:\n    InvalidArgumentError: unknown type, values that are not whole blocks, or one that is not finite "
        "or\n"
        "        beyond what the type holds.\n    UnsupportedModelError: this build cannot write the type.");
  m.def("tensor_types", &tensor_type_table, nb::sig("def tensor_types() -> dict[str, tuple[int, int, int, bool]]"),
        "Every GGUF tensor type: name -> (id, weights per block, bytes per block, whether dequantize() reads it).");
}

}  // namespace fluxmlx::bind
