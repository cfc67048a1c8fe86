// Rungs: base quant
// Flags: -DFLUXMLX_ISA=portable
// Options: -max_len=1024 -len_control=0
// Any bytes are weights: every type reads only its blocks, and writes each of its weights exactly as before.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/tensor_type.h"
#include "quant/dequantize.h"

namespace {

using fluxmlx::TensorTypeInfo;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// The bits of the weights, in memory that held something else before and is exactly as long as needed.
std::vector<uint32_t> dequantize(const TensorTypeInfo& info, const std::vector<std::byte>& blocks, float before) {
  std::vector<float> out(blocks.size() / info.block_bytes * info.block_size, before);
  fluxmlx::quant::dequantize(info.type, blocks, out);
  std::vector<uint32_t> bits;
  for (const float weight : out) bits.push_back(std::bit_cast<uint32_t>(weight));
  return bits;
}

// Lengths that do not fit are refused.
void try_wrong_lengths(const TensorTypeInfo& info, const std::vector<std::byte>& blocks, size_t n) {
  std::vector<float> out(n);
  try {
    fluxmlx::quant::dequantize(info.type, blocks, out);
    require(blocks.size() % info.block_bytes == 0 && blocks.size() / info.block_bytes * info.block_size == n);
  } catch (const fluxmlx::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto types = fluxmlx::tensor_types();
  const TensorTypeInfo& info = types[data[0] % types.size()];
  const auto* begin = reinterpret_cast<const std::byte*>(data) + 2;
  const std::vector<std::byte> bytes(begin, begin + (size - 2));
  try_wrong_lengths(info, bytes, data[1]);
  if (fluxmlx::quant::find_dequantize(info.type) == nullptr) return 0;
  const auto whole = static_cast<ptrdiff_t>(bytes.size() / info.block_bytes * info.block_bytes);
  const std::vector<std::byte> blocks(bytes.begin(), bytes.begin() + whole);
  require(dequantize(info, blocks, 1.0f) == dequantize(info, blocks, -2.0f));
  return 0;
}
