#pragma once

#include "kernels/body/packed_16.h"
#include "kernels/body/packed_256.h"
#include "kernels/body/packed_32.h"
#include "kernels/body/packed_tables.h"
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

template <class Type>
inline PackedKernel kernel_32() {
  return {multiply_strip_32<Type>, Type::kBytes, 32};
}

template <class Type>
inline PackedKernel kernel_256() {
  return {multiply_strip_256<Type>, Type::kBytes, 256};
}

inline PackedKernel find_packed(TensorType type) {
  switch (type) {
    case TensorType::Q4_0:
      return kernel_32<PackedQ4_0>();
    case TensorType::Q4_1:
      return kernel_32<PackedQ4_1>();
    case TensorType::Q5_0:
      return kernel_32<PackedQ5_0>();
    case TensorType::Q5_1:
      return kernel_32<PackedQ5_1>();
    case TensorType::Q8_0:
      return kernel_32<PackedQ8_0>();
    case TensorType::IQ4_NL:
      return kernel_32<PackedIQ4_NL>();
    case TensorType::MXFP4:
      return kernel_32<PackedMXFP4>();
    case TensorType::Q2_K:
      return kernel_256<PackedQ2_K>();
    case TensorType::Q3_K:
      return kernel_256<PackedQ3_K>();
    case TensorType::Q4_K:
      return kernel_256<PackedQ4_K>();
    case TensorType::Q5_K:
      return kernel_256<PackedQ5_K>();
    case TensorType::Q6_K:
      return kernel_256<PackedQ6_K>();
    case TensorType::IQ4_XS:
      return kernel_256<PackedIQ4_XS>();
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
