#include "handles.h"
#include "mlx/ops.h"

using namespace fluxmlx::mlxc;

int mlx_all(mlx_array* res, const mlx_array a, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::all(get(a), keepdims, get(s)); });
}

int mlx_all_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::all(get(a), axis, keepdims, get(s)); });
}

int mlx_allclose(mlx_array* res, const mlx_array a, const mlx_array b, double rtol, double atol, bool equal_nan,
                 const mlx_stream s) {
  return store(res, [&] { return mx::allclose(get(a), get(b), rtol, atol, equal_nan, get(s)); });
}

int mlx_any(mlx_array* res, const mlx_array a, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::any(get(a), keepdims, get(s)); });
}

int mlx_any_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::any(get(a), axis, keepdims, get(s)); });
}

int mlx_array_equal(mlx_array* res, const mlx_array a, const mlx_array b, bool equal_nan, const mlx_stream s) {
  return store(res, [&] { return mx::array_equal(get(a), get(b), equal_nan, get(s)); });
}

int mlx_equal(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::equal(get(a), get(b), get(s)); });
}

int mlx_greater(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::greater(get(a), get(b), get(s)); });
}

int mlx_greater_equal(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::greater_equal(get(a), get(b), get(s)); });
}

int mlx_isfinite(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::isfinite(get(a), get(s)); });
}

int mlx_isnan(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::isnan(get(a), get(s)); });
}

int mlx_less(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::less(get(a), get(b), get(s)); });
}

int mlx_less_equal(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::less_equal(get(a), get(b), get(s)); });
}

int mlx_logical_and(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::logical_and(get(a), get(b), get(s)); });
}

int mlx_logical_not(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::logical_not(get(a), get(s)); });
}

int mlx_logical_or(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::logical_or(get(a), get(b), get(s)); });
}

int mlx_not_equal(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::not_equal(get(a), get(b), get(s)); });
}

int mlx_where(mlx_array* res, const mlx_array condition, const mlx_array x, const mlx_array y, const mlx_stream s) {
  return store(res, [&] { return mx::where(get(condition), get(x), get(y), get(s)); });
}
