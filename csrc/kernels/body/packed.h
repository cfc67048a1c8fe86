#pragma once

#include "kernels/body/packed_256.h"
#include "kernels/body/packed_32.h"
#include "kernels/table.h"

// Products of quantised activations with packed weights. The integer sums of a block are exact; the float steps of one
// (row, token) are the same in every tile and instruction set: per block one sum of two products, added in order.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// A strip times n_tokens rows of quantised blocks, `pitch` bytes apart: out (n_tokens, kStripRows)
using MultiplyStrip = void (*)(const std::byte* strip, const std::byte* x, int64_t pitch, int64_t n_blocks,
                               int64_t n_tokens, float* out);

struct PackedKernel {
  MultiplyStrip multiply;
  int64_t block_bytes;
  int block_size;
};

inline PackedKernel find_packed(TensorType type) {
  switch (type) {
    case TensorType::Q4_0:
      return {multiply_strip_32<PackedQ4_0>, PackedQ4_0::kBytes, 32};
    case TensorType::Q4_1:
      return {multiply_strip_32<PackedQ4_1>, PackedQ4_1::kBytes, 32};
    case TensorType::Q8_0:
      return {multiply_strip_32<PackedQ8_0>, PackedQ8_0::kBytes, 32};
    case TensorType::Q4_K:
      return {multiply_strip_256<PackedQ4_K>, PackedQ4_K::kBytes, 256};
    case TensorType::Q5_K:
      return {multiply_strip_256<PackedQ5_K>, PackedQ5_K::kBytes, 256};
    case TensorType::Q6_K:
      return {multiply_strip_256<PackedQ6_K>, PackedQ6_K::kBytes, 256};
    default:
      return {nullptr, 0, 32};
  }
}

inline void multiply_strip(const Matrix& w, const Panel& panel, float* out) {
  const PackedKernel kernel = find_packed(w.type);
  const int64_t n_blocks = w.n_cols / kernel.block_size;
  const std::byte* strip = w.data + panel.row / kStripRows * n_blocks * kernel.block_bytes;
  const bool super = kernel.block_size == 256;
  const int64_t pitch = super ? panel.x->pitch256 : panel.x->pitch32;
  const std::byte* x = (super ? panel.x->blocks256 : panel.x->blocks32) + panel.token * pitch;
  kernel.multiply(strip, x, pitch, n_blocks, panel.n_tokens, out);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
