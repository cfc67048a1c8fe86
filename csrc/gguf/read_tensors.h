#pragma once

#include <cstdint>
#include <vector>

#include "gguf/cursor.h"
#include "gguf/tensor.h"

namespace fluxmlx::gguf {

// Reads n rows of the tensor directory, each checked on its own: name, dimensions, type, size, alignment.
// Offsets are still relative to the data section.
std::vector<Tensor> read_tensors(Cursor& cursor, uint64_t n, uint64_t alignment);

// Makes the offsets absolute, and checks that every tensor lies inside the file and none overlaps another.
void place_tensors(const Cursor& cursor, uint64_t data_offset, std::vector<Tensor>& tensors);

}  // namespace fluxmlx::gguf
