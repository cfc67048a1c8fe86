// fluxmlx._core.GgufFile: a model file as Python sees it, and the parser alone for the tests.
#include <nanobind/stl/string.h>

#include <memory>

#include "bind/register.h"
#include "gguf/file.h"
#include "gguf/parser.h"

namespace fluxmlx::bind {
namespace {

using gguf::Array;
using gguf::File;
using gguf::Metadata;
using gguf::Tensor;
using gguf::Value;

nb::object owned(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

// Strings in a file are UTF-8 by the format, but nothing makes them so: what is not survives as lone surrogates.
nb::object to_python(const std::string& text) {
  return owned(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape"));
}

nb::object to_python(bool value) { return nb::bool_(value); }
nb::object to_python(const Array& array);

template <class T>
nb::object to_python(T number) {
  if constexpr (std::is_floating_point_v<T>) {
    return nb::float_(static_cast<double>(number));
  } else {
    return nb::int_(number);
  }
}

nb::object to_python(const Array& array) {
  return std::visit(
      [](const auto& elements) -> nb::object {
        using Element = typename std::decay_t<decltype(elements)>::value_type;
        nb::list out;
        for (const Element& element : elements) out.append(to_python(element));
        return out;
      },
      array.data);
}

nb::dict to_python(const Metadata& metadata) {
  nb::dict out;
  for (const auto& [key, value, offset] : metadata.entries()) {
    out[to_python(key)] = std::visit([](const auto& held) -> nb::object { return to_python(held); }, value);
  }
  return out;
}

nb::dict types_of(const Metadata& metadata) {
  nb::dict out;
  for (const auto& entry : metadata.entries())
    out[to_python(entry.key)] = nb::str(gguf::type_name(entry.value).c_str());
  return out;
}

// The Python object: the file, and its metadata once converted, because vocabularies are long.
struct GgufFile {
  File file;
  nb::object metadata;
};

nb::object metadata_of(GgufFile& self) {
  if (!self.metadata.is_valid()) self.metadata = to_python(self.file.metadata());
  return self.metadata;
}

nb::list to_python(const std::vector<Tensor>& tensors) {
  nb::list out;
  for (const Tensor& tensor : tensors) out.append(nb::cast(tensor));
  return out;
}

// The path as the bytes that the operating system is to see, from a str, bytes or os.PathLike.
std::string path_bytes(nb::handle path) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), &encoded) == 0) throw nb::python_error();
  const nb::bytes bytes = nb::steal<nb::bytes>(encoded);
  return {bytes.c_str(), bytes.size()};
}

nb::object path_text(const std::string& path) {
  return owned(PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size())));
}

nb::bytes tensor_bytes(const GgufFile& self, const std::string& name) {
  const File& file = self.file;
  const Tensor* tensor = file.find(name);
  if (tensor == nullptr) throw nb::key_error(concat("no tensor ", name, " in ", file.path()).c_str());
  nb::bytes bytes = nb::steal<nb::bytes>(
      owned(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(tensor->n_bytes))).release());
  const std::span<char> into(PyBytes_AsString(bytes.ptr()), tensor->n_bytes);
  nb::gil_scoped_release release;
  file.read(*tensor, 0, std::as_writable_bytes(into));
  return bytes;
}

// What parse() found in a buffer. For the tests: no file, so that thousands of damaged ones take a second.
nb::dict gguf_parse(nb::bytes data, const std::string& name) {
  const auto* begin = reinterpret_cast<const std::byte*>(data.c_str());
  const gguf::Header header = gguf::parse({begin, data.size()}, name);
  nb::dict out;
  out["version"] = header.version;
  out["alignment"] = header.alignment;
  out["data_offset"] = header.data_offset;
  out["metadata"] = to_python(header.metadata);
  out["metadata_types"] = types_of(header.metadata);
  out["tensors"] = to_python(header.tensors);
  return out;
}

void register_tensor(nb::module_& m) {
  nb::class_<Tensor>(m, "GgufTensor", "One row of a model file's tensor directory.")
      .def_ro("name", &Tensor::name)
      .def_prop_ro(
          "type", [](const Tensor& self) { return tensor_type_info(self.type).name; }, "Such as \"Q4_K\".")
      .def_prop_ro(
          "shape",
          [](const Tensor& self) {
            nb::list sizes;
            for (const uint64_t size : self.ne) sizes.append(size);
            return nb::tuple(sizes);
          },
          nb::for_getter(nb::sig("def shape(self) -> tuple[int, ...]")),
          "Dimensions in the order of the file: the first is contiguous.")
      .def_ro("offset", &Tensor::offset, "Of the first byte in the file of its shard.")
      .def_ro("n_bytes", &Tensor::n_bytes)
      .def_ro("shard", &Tensor::shard, "Index of the file of a split set; 0 where it is not split.")
      .def("__repr__", [](const Tensor& self) {
        return concat("GgufTensor(", self.name, ", ", tensor_type_info(self.type).name, ", ", self.n_bytes, " bytes)");
      });
}

void open_file(GgufFile* self, nb::handle path) {
  const std::string bytes = path_bytes(path);
  File file = [&] {
    nb::gil_scoped_release release;
    return File::open(bytes);
  }();
  new (self) GgufFile{std::move(file), {}};
}

void register_file(nb::module_& m) {
  nb::class_<GgufFile>(m, "GgufFile", "A GGUF model file, or the split set that it belongs to, checked and open.")
      .def("__init__", open_file, nb::arg("path"),
           nb::sig("def __init__(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None"))
      .def_prop_ro(
          "path", [](const GgufFile& self) { return path_text(self.file.path()); },
          nb::for_getter(nb::sig("def path(self) -> str")), "As it was given.")
      .def_prop_ro("version", [](const GgufFile& self) { return self.file.version(); })
      .def_prop_ro(
          "n_bytes", [](const GgufFile& self) { return self.file.n_bytes(); }, "Of all shards.")
      .def_prop_ro("n_shards", [](const GgufFile& self) { return self.file.n_shards(); })
      .def_prop_ro("metadata", metadata_of, nb::for_getter(nb::sig("def metadata(self) -> dict[str, typing.Any]")),
                   "Every key in the order of the file; converted once and then kept.")
      .def_prop_ro(
          "metadata_types", [](const GgufFile& self) { return types_of(self.file.metadata()); },
          nb::for_getter(nb::sig("def metadata_types(self) -> dict[str, str]")),
          "Type of every key, such as \"UINT32\" or \"ARRAY[STRING]\".")
      .def_prop_ro(
          "tensors", [](const GgufFile& self) { return to_python(self.file.tensors()); },
          nb::for_getter(nb::sig("def tensors(self) -> list[GgufTensor]")), "Of all shards, in the order of the files.")
      .def("tensor_bytes", tensor_bytes, nb::arg("name"), "A copy of one tensor's bytes; KeyError when there is none.");
}

}  // namespace

void register_gguf(nb::module_& m) {
  register_tensor(m);
  register_file(m);
  m.def("gguf_parse", gguf_parse, nb::arg("data"), nb::arg("name") = "data",
        nb::sig("def gguf_parse(data: bytes, name: str = 'data') -> dict[str, typing.Any]"),
        "Parse the bytes of a whole GGUF file; a dict of what its header says.");
}

}  // namespace fluxmlx::bind
