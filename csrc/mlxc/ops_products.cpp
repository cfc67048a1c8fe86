#include "handles.h"
#include "mlx/ops.h"

using namespace fluxmlx::mlxc;

int mlx_addmm(mlx_array* res, const mlx_array c, const mlx_array a, const mlx_array b, float alpha, float beta,
              const mlx_stream s) {
  return store(res, [&] { return mx::addmm(get(c), get(a), get(b), alpha, beta, get(s)); });
}

int mlx_dequantize(mlx_array* res, const mlx_array w, const mlx_array scales, const mlx_array biases,
                   mlx_optional_int group_size, mlx_optional_int bits, const char* mode, const mlx_array global_scale,
                   mlx_optional_dtype dtype, const mlx_stream s) {
  return store(res, [&] {
    return mx::dequantize(get(w), get(scales), maybe(biases), maybe(group_size), maybe(bits), text(mode),
                          maybe(global_scale), maybe(dtype), get(s));
  });
}

int mlx_gather_mm(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_array lhs_indices,
                  const mlx_array rhs_indices, bool sorted_indices, const mlx_stream s) {
  return store(res, [&] {
    return mx::gather_mm(get(a), get(b), maybe(lhs_indices), maybe(rhs_indices), sorted_indices, get(s));
  });
}

int mlx_gather_qmm(mlx_array* res, const mlx_array x, const mlx_array w, const mlx_array scales, const mlx_array biases,
                   const mlx_array lhs_indices, const mlx_array rhs_indices, bool transpose,
                   mlx_optional_int group_size, mlx_optional_int bits, const char* mode, bool sorted_indices,
                   const mlx_stream s) {
  return store(res, [&] {
    return mx::gather_qmm(get(x), get(w), get(scales), maybe(biases), maybe(lhs_indices), maybe(rhs_indices), transpose,
                          maybe(group_size), maybe(bits), text(mode), std::nullopt, sorted_indices, get(s));
  });
}

int mlx_matmul(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::matmul(get(a), get(b), get(s)); });
}

int mlx_quantize(mlx_vector_array* res, const mlx_array w, mlx_optional_int group_size, mlx_optional_int bits,
                 const char* mode, const mlx_array global_scale, const mlx_stream s) {
  return store(res, [&] {
    return mx::quantize(get(w), maybe(group_size), maybe(bits), text(mode), maybe(global_scale), get(s));
  });
}

int mlx_quantized_matmul(mlx_array* res, const mlx_array x, const mlx_array w, const mlx_array scales,
                         const mlx_array biases, bool transpose, mlx_optional_int group_size, mlx_optional_int bits,
                         const char* mode, const mlx_stream s) {
  return store(res, [&] {
    return mx::quantized_matmul(get(x), get(w), get(scales), maybe(biases), transpose, maybe(group_size), maybe(bits),
                                text(mode), get(s));
  });
}
