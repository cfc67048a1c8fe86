#pragma once

#include <cstddef>
#include <memory>

#include "array/array.h"
#include "array/functions.h"
#include "base/tensor_type.h"

namespace fluxmlx::ops {

// How a matrix is held; each implementation of Ops says which it wants.
enum class Layout {
  blocks,     // the file's own rows of blocks, for the CPU kernels
  packed,     // the same weights in strips of rows, for the CPU kernels' integer products
  quantized,  // MLX codes, scales and biases
  dense,      // plain numbers
};

// A matrix (n_out, n_in) of a model.
struct Weight {
  Layout layout = Layout::dense;
  TensorType type = TensorType::F32;  // in the file
  int n_out = 0;
  int n_in = 0;
  std::shared_ptr<const std::byte> bytes;  // blocks and packed
  Array data;                              // quantized: (n_out, n_in * bits / 32) uint32; dense: (n_out, n_in)
  Array scales;                            // quantized: (n_out, n_in / group_size)
  Array biases;                            // quantized, affine mode: the same shape
  mx::Quantization quantization;
};

struct Linear {
  Weight weight;
  Array bias;  // (n_out,) or empty
};

// x / sqrt(mean(x^2) + eps) * weight, of x less its mean where `centred`.
struct Norm {
  Array weight;  // (n,)
  float eps = 0;
  bool centred = false;
};

// Rotary positions: pair i of a head turns by position * inv_freq[i].
struct Rope {
  int n_rot = 0;             // leading dimensions of a head that turn
  bool interleaved = false;  // pairs (2i, 2i+1), else (i, i + n_rot / 2)
  float magnitude = 1;       // of what turned
  Array inv_freq;            // (n_rot / 2,) float32
  Array wavelength;          // 1 / inv_freq, as MLX takes it
};

}  // namespace fluxmlx::ops
