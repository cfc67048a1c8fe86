#pragma once

#include "gguf/cursor.h"
#include "gguf/value.h"

namespace fluxmlx::gguf {

// Reads a type id and the value behind it. Arrays of arrays are refused, so nothing here recurses.
Value read_value(Cursor& cursor);

}  // namespace fluxmlx::gguf
