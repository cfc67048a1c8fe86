#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mlx/c/mlx.h"

namespace fluxmlx {

enum class DeviceKind { cpu, gpu };

// Owns one MLX stream. Streams belong to the thread that made them: make and use it on one thread.
class Stream {
 public:
  explicit Stream(DeviceKind kind);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  DeviceKind kind() const noexcept { return kind_; }
  mlx_stream handle() const noexcept { return handle_; }

 private:
  DeviceKind kind_;
  mlx_stream handle_;
};

// The GPU where MLX has one, else the CPU.
DeviceKind default_device();

// Bytes that may still be taken of the device's memory.
uint64_t available_memory(DeviceKind kind);

// What this build of MLX can run on, for people: "cpu", "gpu (Apple M4)".
std::vector<std::string> device_names();

std::string mlx_version_text();

}  // namespace fluxmlx
