#include "array/functions.h"

#include "array/error.h"

namespace fluxmlx::mx {
namespace {

class ArrayVector {
 public:
  explicit ArrayVector(std::span<const Array> arrays) : handle_(mlx_vector_array_new()) {
    for (const Array& array : arrays) check(mlx_vector_array_append_value(handle_, array.handle()));
  }
  ~ArrayVector() { mlx_vector_array_free(handle_); }
  ArrayVector(const ArrayVector&) = delete;
  ArrayVector& operator=(const ArrayVector&) = delete;
  mlx_vector_array handle() const { return handle_; }

 private:
  mlx_vector_array handle_;
};

using Binary = int (*)(mlx_array*, const mlx_array, const mlx_array, const mlx_stream);
using Unary = int (*)(mlx_array*, const mlx_array, const mlx_stream);

Array binary(Binary op, const Array& a, const Array& b, const Stream& s) {
  Array result;
  check(op(result.out(), a.handle(), b.handle(), s.handle()));
  return result;
}

Array unary(Unary op, const Array& a, const Stream& s) {
  Array result;
  check(op(result.out(), a.handle(), s.handle()));
  return result;
}

mlx_optional_int some(int value) { return mlx_optional_int{value, true}; }

}  // namespace

Array add(const Array& a, const Array& b, const Stream& s) { return binary(mlx_add, a, b, s); }
Array maximum(const Array& a, const Array& b, const Stream& s) { return binary(mlx_maximum, a, b, s); }
Array minimum(const Array& a, const Array& b, const Stream& s) { return binary(mlx_minimum, a, b, s); }
Array multiply(const Array& a, const Array& b, const Stream& s) { return binary(mlx_multiply, a, b, s); }
Array matmul(const Array& a, const Array& b, const Stream& s) { return binary(mlx_matmul, a, b, s); }
Array sigmoid(const Array& a, const Stream& s) { return unary(mlx_sigmoid, a, s); }
Array tanh(const Array& a, const Stream& s) { return unary(mlx_tanh, a, s); }

Array largest(const Array& a, int n, const Stream& s) {
  Array order;
  const Array falling = unary(mlx_negative, a, s);
  check(mlx_argpartition_axis(order.out(), falling.handle(), n - 1, -1, s.handle()));
  return slice(order, {0, 0}, {a.dim(0), n}, s);
}

Array take_along(const Array& a, const Array& indices, const Stream& s) {
  Array result;
  check(mlx_take_along_axis(result.out(), a.handle(), indices.handle(), -1, s.handle()));
  return result;
}

Array softmax(const Array& a, const Stream& s) {
  Array result;
  check(mlx_softmax_axis(result.out(), a.handle(), -1, /*precise=*/true, s.handle()));
  return result;
}

Array astype(const Array& a, mlx_dtype dtype, const Stream& s) {
  Array result;
  check(mlx_astype(result.out(), a.handle(), dtype, s.handle()));
  return result;
}

Array contiguous(const Array& a, const Stream& s) {
  Array result;
  check(mlx_contiguous(result.out(), a.handle(), false, s.handle()));
  return result;
}

Array reshape(const Array& a, const Shape& shape, const Stream& s) {
  Array result;
  check(mlx_reshape(result.out(), a.handle(), shape.data(), shape.size(), s.handle()));
  return result;
}

Array transpose(const Array& a, const Shape& axes, const Stream& s) {
  Array result;
  check(mlx_transpose_axes(result.out(), a.handle(), axes.data(), axes.size(), s.handle()));
  return result;
}

Array take(const Array& a, const Array& indices, int axis, const Stream& s) {
  Array result;
  check(mlx_take_axis(result.out(), a.handle(), indices.handle(), axis, s.handle()));
  return result;
}

Array concatenate(std::span<const Array> parts, int axis, const Stream& s) {
  Array result;
  const ArrayVector vector(parts);
  check(mlx_concatenate_axis(result.out(), vector.handle(), axis, s.handle()));
  return result;
}

Array slice(const Array& a, const Shape& start, const Shape& stop, const Stream& s) {
  Array result;
  const Shape strides(start.size(), 1);
  check(mlx_slice(result.out(), a.handle(), start.data(), start.size(), stop.data(), stop.size(), strides.data(),
                  strides.size(), s.handle()));
  return result;
}

Array slice_update(const Array& a, const Array& update, const Shape& start, const Shape& stop, const Stream& s) {
  Array result;
  const Shape strides(start.size(), 1);
  check(mlx_slice_update(result.out(), a.handle(), update.handle(), start.data(), start.size(), stop.data(),
                         stop.size(), strides.data(), strides.size(), s.handle()));
  return result;
}

Array zeros(const Shape& shape, mlx_dtype dtype, const Stream& s) {
  Array result;
  check(mlx_zeros(result.out(), shape.data(), shape.size(), dtype, s.handle()));
  return result;
}

Array quantized_matmul(const Array& x, const Array& w, const Array& scales, const Array& biases, const Quantization& q,
                       const Stream& s) {
  Array result;
  check(mlx_quantized_matmul(result.out(), x.handle(), w.handle(), scales.handle(), biases.handle(),
                             /*transpose=*/true, some(q.group_size), some(q.bits), q.mode.c_str(), s.handle()));
  return result;
}

Array gather_qmm(const Array& x, const Array& w, const Array& scales, const Array& biases, const Array& chosen,
                 const Quantization& q, const Stream& s) {
  Array result;
  check(mlx_gather_qmm(result.out(), x.handle(), w.handle(), scales.handle(), biases.handle(), mlx_array{nullptr},
                       chosen.handle(), /*transpose=*/true, some(q.group_size), some(q.bits), q.mode.c_str(),
                       /*sorted_indices=*/false, s.handle()));
  return result;
}

Array gather_mm(const Array& x, const Array& w, const Array& chosen, const Stream& s) {
  Array result;
  check(mlx_gather_mm(result.out(), x.handle(), w.handle(), mlx_array{nullptr}, chosen.handle(), false, s.handle()));
  return result;
}

Array dequantize(const Array& w, const Array& scales, const Array& biases, const Quantization& q, mlx_dtype dtype,
                 const Stream& s) {
  Array result;
  check(mlx_dequantize(result.out(), w.handle(), scales.handle(), biases.handle(), some(q.group_size), some(q.bits),
                       q.mode.c_str(), mlx_array{nullptr}, mlx_optional_dtype{dtype, true}, s.handle()));
  return result;
}

Array rms_norm(const Array& x, const Array& weight, float eps, const Stream& s) {
  Array result;
  check(mlx_fast_rms_norm(result.out(), x.handle(), weight.handle(), eps, s.handle()));
  return result;
}

Array layer_norm(const Array& x, const Array& weight, float eps, const Stream& s) {
  Array result;
  check(mlx_fast_layer_norm(result.out(), x.handle(), weight.handle(), mlx_array{nullptr}, eps, s.handle()));
  return result;
}

Array rope(const Array& x, int dims, bool interleaved, const Array& offsets, const Array& freqs, const Stream& s) {
  Array result;
  check(mlx_fast_rope_dynamic(result.out(), x.handle(), dims, interleaved, mlx_optional_float{0, false}, 1.0f,
                              offsets.handle(), freqs.handle(), s.handle()));
  return result;
}

Array attention(const Array& q, const Array& k, const Array& v, float scale, bool causal, const Array& mask,
                const Array& sinks, const Stream& s) {
  Array result;
  const char* mode = mask ? "array" : causal ? "causal" : "";
  check(mlx_fast_scaled_dot_product_attention(result.out(), q.handle(), k.handle(), v.handle(), scale, mode,
                                              mask.handle(), sinks.handle(), s.handle()));
  return result;
}

void clear_cache() noexcept { mlx_clear_cache(); }

void eval(std::span<const Array> arrays) {
  const ArrayVector vector(arrays);
  check(mlx_eval(vector.handle()));
}

void eval(const Array& array) { eval(std::span(&array, 1)); }

}  // namespace fluxmlx::mx
