// fluxmlx._core.Checkpoint: the tensors of safetensors files, as a table of fluxmlx.checkpoint describes them.
#include "bind/checkpoint.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "base/mlx_type.h"
#include "base/text.h"
#include "bind/register.h"

namespace fluxmlx::bind {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Entry;
using checkpoint::Part;
using checkpoint::Plane;

gguf::Value to_scalar(nb::handle value) {
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);
  if (nb::isinstance<nb::int_>(value)) return nb::cast<int64_t>(value);
  if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
  return nb::cast<std::string>(value);
}

template <class T>
gguf::Value to_array(nb::handle values) {
  return gguf::Array{nb::cast<std::vector<T>>(values)};
}

gguf::Value to_value(nb::handle value) {
  if (!nb::isinstance<nb::list>(value)) return to_scalar(value);
  const nb::list values = nb::cast<nb::list>(value);
  if (nb::len(values) == 0 || nb::isinstance<nb::float_>(values[0])) return to_array<double>(value);
  if (nb::isinstance<nb::bool_>(values[0])) return to_array<bool>(value);
  return nb::isinstance<nb::int_>(values[0]) ? to_array<int64_t>(value) : to_array<std::string>(value);
}

gguf::Metadata to_metadata(const std::string& path, const nb::dict& values) {
  gguf::Metadata metadata(path);
  for (const auto& [key, value] : values) metadata.add({nb::cast<std::string>(key), to_value(value), 0});
  return metadata;
}

TensorType to_type(const std::string& name) {
  for (const std::span<const TensorTypeInfo> types : {tensor_types(), mlx_types()}) {
    for (const TensorTypeInfo& info : types) {
      if (name == info.name) return info.type;
    }
  }
  fail(ErrorCode::unsupported, "there is no tensor type ", quoted(name));
}

// A part is (file, offset, n_bytes), or its bytes.
Part to_part(nb::handle part, std::string& held) {
  if (nb::isinstance<nb::bytes>(part)) {
    const nb::bytes bytes = nb::cast<nb::bytes>(part);
    const Part result{Part::kHeld, held.size(), bytes.size()};
    held.append(bytes.c_str(), bytes.size());
    return result;
  }
  const nb::tuple fields = nb::cast<nb::tuple>(part);
  return {nb::cast<uint32_t>(fields[0]), nb::cast<uint64_t>(fields[1]), nb::cast<uint64_t>(fields[2])};
}

Plane to_plane(const nb::dict& fields, std::string& held) {
  Plane plane;
  for (nb::handle part : nb::cast<nb::sequence>(fields["parts"])) plane.parts.push_back(to_part(part, held));
  plane.row_bytes = nb::cast<uint64_t>(fields["row_bytes"]);
  plane.n_columns = nb::cast<uint64_t>(fields["n_columns"]);
  return plane;
}

Entry to_entry(const nb::dict& fields, std::string& held) {
  Entry entry;
  entry.tensor.name = nb::cast<std::string>(fields["name"]);
  entry.tensor.type = to_type(nb::cast<std::string>(fields["type"]));
  entry.tensor.ne = nb::cast<std::vector<uint64_t>>(fields["shape"]);
  for (nb::handle plane : nb::cast<nb::sequence>(fields["planes"])) {
    entry.planes.push_back(to_plane(nb::cast<nb::dict>(plane), held));
  }
  entry.order.step = nb::cast<uint64_t>(fields["step"]);
  entry.order.rows = nb::cast<std::vector<uint64_t>>(fields["rows"]);
  return entry;
}

void open_checkpoint(CheckpointRef* self, const std::string& path, const nb::dict& metadata,
                     const std::vector<std::string>& files, const nb::sequence& tensors) {
  std::string held;
  std::vector<Entry> entries;
  for (nb::handle tensor : tensors) entries.push_back(to_entry(nb::cast<nb::dict>(tensor), held));
  gguf::Metadata keys = to_metadata(path, metadata);
  new (self) CheckpointRef{std::make_shared<const Checkpoint>(path, std::move(keys), files, std::move(entries), held)};
}

nb::bytes tensor_bytes(const CheckpointRef& self, const std::string& name) {
  const gguf::Tensor* tensor = self.checkpoint->find(name);
  if (tensor == nullptr) throw nb::key_error(concat("no tensor ", name, " in ", self.checkpoint->path()).c_str());
  std::string bytes(tensor->n_bytes, '\0');
  self.checkpoint->read(*tensor, 0, std::as_writable_bytes(std::span<char>(bytes)));
  return nb::bytes(bytes.data(), bytes.size());
}

}  // namespace

void register_checkpoint(nb::module_& m) {
  nb::class_<CheckpointRef>(m, "Checkpoint",
                            "Tensors of safetensors files by the names of a GGUF file; fluxmlx.checkpoint makes it.")
      .def("__init__", &open_checkpoint, nb::arg("path"), nb::arg("metadata"), nb::arg("files"), nb::arg("tensors"),
           nb::sig("def __init__(self, path: str, metadata: dict[str, typing.Any], files: "
                   "collections.abc.Sequence[str], tensors: collections.abc.Sequence[dict[str, typing.Any]]) -> None"),
           "Opens the files and holds every byte range of the table to them.")
      .def("tensor_bytes", &tensor_bytes, nb::arg("name"),
           "A copy of one tensor's bytes; KeyError when there is none.");
}

}  // namespace fluxmlx::bind
