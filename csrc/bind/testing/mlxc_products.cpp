#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

constexpr mlx_optional_int group = {32, true};
constexpr mlx_optional_int eight_bits = {8, true};
constexpr mlx_optional_dtype as_is = {MLX_FLOAT32, false};

Array ramp(const Ints& shape, float scale) {
  int count = 1;
  for (const int size : shape) {
    count *= size;
  }
  Floats numbers;
  for (int i = 0; i < count; ++i) {
    numbers.push_back(scale * static_cast<float>((i * 7) % 32 - 16));
  }
  return floats(numbers, shape);
}

struct Quantized {
  Array weights, scales, biases;
};

Quantized quantized(mlx_array w) {
  const Stream s = stream();
  Arrays parts;
  ok(mlx_quantize(parts.out(), w, group, eight_bits, "affine", mlx_array_empty, s), "mlx_quantize");
  expect(mlx_vector_array_size(parts) == 3, "mlx_quantize gave another number of arrays");
  Quantized q;
  ok(mlx_vector_array_get(q.weights.out(), parts, 0), "mlx_vector_array_get");
  ok(mlx_vector_array_get(q.scales.out(), parts, 1), "mlx_vector_array_get");
  ok(mlx_vector_array_get(q.biases.out(), parts, 2), "mlx_vector_array_get");
  return q;
}

Array dequantized(const Quantized& q) {
  const Stream s = stream();
  Array result;
  ok(mlx_dequantize(result.out(), q.weights, q.scales, q.biases, group, eight_bits, "affine", mlx_array_empty, as_is,
                    s),
     "mlx_dequantize");
  return result;
}

void matmul() {
  const Stream s = stream();
  const Array a = floats({1, 2, 3, 4}, {2, 2});
  const Array b = floats({5, 6}, {2, 1});
  Array product;
  Array sum;
  ok(mlx_matmul(product.out(), a, b, s), "mlx_matmul");
  equal(product, {17, 39}, {2, 1}, "mlx_matmul");
  ok(mlx_addmm(sum.out(), floats({1, 2}, {2, 1}), a, b, 2, 10, s), "mlx_addmm");
  equal(sum, {44, 98}, {2, 1}, "mlx_addmm");
}

void quantize() {
  const Array w = ramp({2, 64}, 0.1f);
  const Quantized q = quantized(w);
  expect(mlx_array_dtype(q.weights) == MLX_UINT32, "mlx_quantize packs into another type");
  expect(shape(q.weights) == Ints{2, 16} && shape(q.scales) == Ints{2, 2}, "mlx_quantize packs into another shape");
  const Array back = dequantized(q);
  expect(shape(back) == Ints{2, 64}, "mlx_dequantize gave another shape");
  equal(back, values(w), "mlx_dequantize", 0.01f);
}

void dequantize_to_type() {
  const Stream s = stream();
  const Quantized q = quantized(ramp({2, 64}, 0.1f));
  Array narrow;
  ok(mlx_dequantize(narrow.out(), q.weights, q.scales, q.biases, group, eight_bits, "affine", mlx_array_empty,
                    mlx_optional_dtype{MLX_FLOAT16, true}, s),
     "mlx_dequantize");
  expect(mlx_array_dtype(narrow) == MLX_FLOAT16, "mlx_dequantize gave another type than asked for");
}

void quantized_matmul() {
  const Stream s = stream();
  const Quantized q = quantized(ramp({3, 64}, 0.1f));
  const Array x = ramp({2, 64}, 0.02f);
  Array turned, wanted, got;
  ok(mlx_transpose(turned.out(), dequantized(q), s), "mlx_transpose");
  ok(mlx_matmul(wanted.out(), x, turned, s), "mlx_matmul");
  ok(mlx_quantized_matmul(got.out(), x, q.weights, q.scales, q.biases, true, group, eight_bits, "affine", s),
     "mlx_quantized_matmul");
  expect(shape(got) == Ints{2, 3}, "mlx_quantized_matmul gave another shape");
  equal(got, values(wanted), "mlx_quantized_matmul", 1e-4f);
}

void gather_mm() {
  const Stream s = stream();
  const Array a = floats({1, 2}, {1, 1, 2});
  const Array b = floats({1, 0, 0, 1, 2, 3, 4, 5}, {2, 2, 2});
  Array result;
  ok(mlx_gather_mm(result.out(), a, b, mlx_array_empty, ints({1}), false, s), "mlx_gather_mm");
  equal(result, {10, 13}, {1, 1, 2}, "mlx_gather_mm");
}

// Row r of the result uses expert rhs[r]; the same product through the dequantized weights is the reference.
void gather_qmm() {
  const Stream s = stream();
  const Quantized q = quantized(ramp({2, 3, 64}, 0.1f));
  const Array x = ramp({2, 1, 64}, 0.02f);
  const Array rhs = ints({0, 1});
  for (const bool sorted : {false, true}) {
    Array turned, wanted, got;
    ok(mlx_swapaxes(turned.out(), dequantized(q), 1, 2, s), "mlx_swapaxes");
    ok(mlx_matmul(wanted.out(), x, turned, s), "mlx_matmul");
    ok(mlx_gather_qmm(got.out(), x, q.weights, q.scales, q.biases, mlx_array_empty, rhs, true, group, eight_bits,
                      "affine", sorted, s),
       "mlx_gather_qmm");
    expect(shape(got) == Ints{2, 1, 3}, "mlx_gather_qmm gave another shape");
    equal(got, values(wanted), "mlx_gather_qmm", 1e-4f);
  }
}

}  // namespace

Cases product_cases() {
  return {{"matmul", matmul},
          {"quantize", quantize},
          {"dequantize_to_type", dequantize_to_type},
          {"quantized_matmul", quantized_matmul},
          {"gather_mm", gather_mm},
          {"gather_qmm", gather_qmm}};
}

}  // namespace fluxmlx::bind::mlxc
