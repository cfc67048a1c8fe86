#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"
#include "gguf/source.h"
#include "gguf/tensor.h"

namespace fluxmlx::gguf {

// Everything in a file but the weights, checked.
struct Header {
  uint32_t version = 0;
  uint32_t alignment = 0;
  uint64_t data_offset = 0;  // where the data section starts; never past the end of the file
  Metadata metadata;
  std::vector<Tensor> tensors;  // in the order of the file
};

// Parses a whole GGUF file of version 2 or 3 (ggml's docs/gguf.md), of which it reads only the header. Fails with
// invalid_file or unsupported, naming file, key or tensor, and offset.
Header parse(Source& source, std::string_view name);

// The same from bytes in memory.
Header parse(std::span<const std::byte> file, std::string_view name);

}  // namespace fluxmlx::gguf
