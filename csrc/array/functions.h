#pragma once

#include <span>
#include <string>
#include <vector>

#include "array/array.h"
#include "array/stream.h"

// The functions of mlx-c that the engine uses, over Array. Each adds a node to the graph on `s`; nothing
// is computed before eval().
namespace fluxmlx::mx {

Array add(const Array& a, const Array& b, const Stream& s);
Array maximum(const Array& a, const Array& b, const Stream& s);
Array minimum(const Array& a, const Array& b, const Stream& s);
Array multiply(const Array& a, const Array& b, const Stream& s);
Array matmul(const Array& a, const Array& b, const Stream& s);
Array sigmoid(const Array& a, const Stream& s);
Array tanh(const Array& a, const Stream& s);
Array largest(const Array& a, int n, const Stream& s);  // indices of the n largest of the last axis, in any order
Array take_along(const Array& a, const Array& indices, const Stream& s);  // of the last axis
Array softmax(const Array& a, const Stream& s);                           // over the last axis, summed in float32
Array astype(const Array& a, mlx_dtype dtype, const Stream& s);
Array contiguous(const Array& a, const Stream& s);
Array reshape(const Array& a, const Shape& shape, const Stream& s);
Array transpose(const Array& a, const Shape& axes, const Stream& s);
Array take(const Array& a, const Array& indices, int axis, const Stream& s);
Array concatenate(std::span<const Array> parts, int axis, const Stream& s);
Array slice(const Array& a, const Shape& start, const Shape& stop, const Stream& s);
Array slice_update(const Array& a, const Array& update, const Shape& start, const Shape& stop, const Stream& s);
Array zeros(const Shape& shape, mlx_dtype dtype, const Stream& s);

// How the codes of a quantised matrix are read: MLX's mode name, bits of a code, weights of a group.
struct Quantization {
  std::string mode = "affine";
  int bits = 4;
  int group_size = 32;
};

Array quantized_matmul(const Array& x, const Array& w, const Array& scales, const Array& biases, const Quantization& q,
                       const Stream& s);

// x (..., L, n_in), w (n, n_out, n_in), or (n, n_in, n_out) where it is not quantised: matrix chosen[...] of each
// product, whose leading axes are broadcast with those of x.
Array gather_qmm(const Array& x, const Array& w, const Array& scales, const Array& biases, const Array& chosen,
                 const Quantization& q, const Stream& s);
Array gather_mm(const Array& x, const Array& w, const Array& chosen, const Stream& s);

Array dequantize(const Array& w, const Array& scales, const Array& biases, const Quantization& q, mlx_dtype dtype,
                 const Stream& s);

Array rms_norm(const Array& x, const Array& weight, float eps, const Stream& s);
Array layer_norm(const Array& x, const Array& weight, float eps, const Stream& s);  // without bias

// x (B, n_heads, L, head_dim); offsets (B,) int32: the position of the first of the L rows; freqs
// (dims / 2,): the wavelength of each pair over 2 pi.
Array rope(const Array& x, int dims, bool interleaved, const Array& offsets, const Array& freqs, const Stream& s);

// q (B, n_heads, L, head_dim), k and v (B, n_kv_heads, S, head_dim); causal aligns the last rows. A mask (L, S), of the
// dtype of q, is added to the scores and takes the place of causal. Sinks (n_heads,) are one more score of each head.
Array attention(const Array& q, const Array& k, const Array& v, float scale, bool causal, const Array& mask,
                const Array& sinks, const Stream& s);

// Gives memory that MLX keeps for later arrays back to the system.
void clear_cache() noexcept;

void eval(std::span<const Array> arrays);
void eval(const Array& array);

}  // namespace fluxmlx::mx
