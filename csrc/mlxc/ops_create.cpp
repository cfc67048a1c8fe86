#include "handles.h"
#include "mlx/ops.h"

using namespace fluxmlx::mlxc;

int mlx_arange(mlx_array* res, double start, double stop, double step, mlx_dtype dtype, const mlx_stream s) {
  return store(res, [&] { return mx::arange(start, stop, step, fluxmlx::mlxc::dtype(dtype), get(s)); });
}

int mlx_full(mlx_array* res, const int* shape, size_t shape_num, const mlx_array vals, mlx_dtype dtype,
             const mlx_stream s) {
  return store(res, [&] {
    return mx::full(fluxmlx::mlxc::shape(shape, shape_num), get(vals), fluxmlx::mlxc::dtype(dtype), get(s));
  });
}

int mlx_ones(mlx_array* res, const int* shape, size_t shape_num, mlx_dtype dtype, const mlx_stream s) {
  return store(res,
               [&] { return mx::ones(fluxmlx::mlxc::shape(shape, shape_num), fluxmlx::mlxc::dtype(dtype), get(s)); });
}

int mlx_tril(mlx_array* res, const mlx_array x, int k, const mlx_stream s) {
  return store(res, [&] { return mx::tril(get(x), k, get(s)); });
}

int mlx_zeros(mlx_array* res, const int* shape, size_t shape_num, mlx_dtype dtype, const mlx_stream s) {
  return store(res,
               [&] { return mx::zeros(fluxmlx::mlxc::shape(shape, shape_num), fluxmlx::mlxc::dtype(dtype), get(s)); });
}

int mlx_zeros_like(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::zeros_like(get(a), get(s)); });
}
