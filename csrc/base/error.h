#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace fluxmlx {

// What kind of failure this is; bind/ maps each code to one Python exception.
enum class ErrorCode {
  invalid_argument,  // the caller passed a value that cannot be used -> ValueError
  invalid_file,      // a model file is damaged or not what it says it is -> ModelFileError
  unsupported,       // well-formed, but this build cannot run it -> UnsupportedModelError
  io,                // the operating system refused -> OSError
  out_of_memory,     // the numbers needed and available are in the text -> MemoryError
  cancelled,         // the caller asked to stop -> CancelledError
  closed,            // the engine was closed -> EngineClosedError
  queue_full,        // too many requests wait already -> QueueFullError
  runtime,           // MLX or the engine failed -> EngineError
};

// Text addressed to the user: what was wrong, the value, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

// Joins values into one string: concat("n_dims ", n, " is more than ", limit).
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(ErrorCode code, const Parts&... parts) {
  throw Error(code, concat(parts...));
}

}  // namespace fluxmlx
