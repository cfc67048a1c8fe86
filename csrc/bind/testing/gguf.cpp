// The typed getters and the tensor reads that the model loader uses, which Python does not see otherwise.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/register.h"
#include "gguf/file.h"

namespace fluxmlx::bind {
namespace {

using gguf::File;
using gguf::Metadata;

Metadata parse_metadata(nb::bytes data) {
  const auto* begin = reinterpret_cast<const std::byte*>(data.c_str());
  return gguf::parse({begin, data.size()}, "test.gguf").metadata;
}

// Binds a getter as function(data, key).
template <class Out>
void bind_getter(nb::module_& m, const char* name, Out (Metadata::*getter)(std::string_view) const) {
  m.def(name, [getter](nb::bytes data, const std::string& key) {
    return std::decay_t<Out>((parse_metadata(data).*getter)(key));
  });
}

// Binds a getter with a default as function(data, key, otherwise).
template <class Out, class In>
void bind_getter_or(nb::module_& m, const char* name, Out (Metadata::*getter)(std::string_view, In) const) {
  m.def(name, [getter](nb::bytes data, const std::string& key, Out otherwise) -> Out {
    return (parse_metadata(data).*getter)(key, otherwise);
  });
}

// Opens a file, moves it, and reads a part of a tensor through the mapping and through pread.
nb::tuple read_both_ways(const std::string& path, const std::string& name, uint64_t offset, uint64_t n) {
  File opened = File::open(path);
  const File file = std::move(opened);
  const gguf::Tensor* tensor = file.find(name);
  if (tensor == nullptr) throw nb::key_error(name.c_str());
  std::string copied(n, '\0');
  file.read(*tensor, offset, std::as_writable_bytes(std::span(copied)));
  file.drop_pages(*tensor);
  const auto mapped = file.data(*tensor).subspan(offset, n);
  return nb::make_tuple(nb::bytes(mapped.data(), mapped.size()), nb::bytes(copied.data(), copied.size()));
}

}  // namespace

void register_testing_gguf(nb::module_& m) {
  bind_getter(m, "gguf_get_string", &Metadata::get_string);
  bind_getter(m, "gguf_get_uint", &Metadata::get_uint);
  bind_getter(m, "gguf_get_int", &Metadata::get_int);
  bind_getter(m, "gguf_get_float", &Metadata::get_float);
  bind_getter(m, "gguf_get_bool", &Metadata::get_bool);
  bind_getter(m, "gguf_is_array", &Metadata::is_array);
  bind_getter(m, "gguf_get_uint_array", &Metadata::get_uint_array);
  bind_getter(m, "gguf_get_int_array", &Metadata::get_int_array);
  bind_getter(m, "gguf_get_float_array", &Metadata::get_float_array);
  bind_getter(m, "gguf_get_bool_array", &Metadata::get_bool_array);
  bind_getter(m, "gguf_get_string_array", &Metadata::get_string_array);
  bind_getter_or(m, "gguf_get_string_or", &Metadata::get_string_or);
  bind_getter_or(m, "gguf_get_uint_or", &Metadata::get_uint_or);
  bind_getter_or(m, "gguf_get_int_or", &Metadata::get_int_or);
  bind_getter_or(m, "gguf_get_float_or", &Metadata::get_float_or);
  bind_getter_or(m, "gguf_get_bool_or", &Metadata::get_bool_or);
  m.def("gguf_read_both_ways", read_both_ways);
}

}  // namespace fluxmlx::bind
