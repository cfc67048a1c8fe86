// ErrorCode -> Python exception. The classes live in fluxmlx.errors, which imports nothing.
#include "bind/register.h"

namespace fluxmlx::bind {
namespace {

const char* exception_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "InvalidArgumentError";
    case ErrorCode::invalid_file:
      return "ModelFileError";
    case ErrorCode::unsupported:
      return "UnsupportedModelError";
    case ErrorCode::io:
      return "ModelIOError";
    case ErrorCode::out_of_memory:
      return "OutOfMemoryError";
    case ErrorCode::cancelled:
      return "CancelledError";
    case ErrorCode::closed:
      return "EngineClosedError";
    case ErrorCode::queue_full:
      return "QueueFullError";
    case ErrorCode::runtime:
      return "EngineError";
  }
  return "FluxmlxError";
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    nb::object type = nb::module_::import_("fluxmlx.errors").attr(exception_name(error.code()));
    PyErr_SetString(type.ptr(), error.what());
  }
}

}  // namespace

void register_errors(nb::module_&) { nb::register_exception_translator(translate); }

}  // namespace fluxmlx::bind
