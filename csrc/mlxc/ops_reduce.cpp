#include "handles.h"
#include "mlx/ops.h"

using namespace fluxmlx::mlxc;

int mlx_argmax_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::argmax(get(a), axis, keepdims, get(s)); });
}

int mlx_argmin_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::argmin(get(a), axis, keepdims, get(s)); });
}

int mlx_argpartition_axis(mlx_array* res, const mlx_array a, int kth, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::argpartition(get(a), kth, axis, get(s)); });
}

int mlx_argsort_axis(mlx_array* res, const mlx_array a, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::argsort(get(a), axis, get(s)); });
}

int mlx_cumsum(mlx_array* res, const mlx_array a, int axis, bool reverse, bool inclusive, const mlx_stream s) {
  return store(res, [&] { return mx::cumsum(get(a), axis, reverse, inclusive, std::nullopt, get(s)); });
}

int mlx_logsumexp_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::logsumexp(get(a), axis, keepdims, get(s)); });
}

int mlx_max(mlx_array* res, const mlx_array a, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::max(get(a), keepdims, get(s)); });
}

int mlx_max_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::max(get(a), axis, keepdims, get(s)); });
}

int mlx_mean(mlx_array* res, const mlx_array a, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::mean(get(a), keepdims, get(s)); });
}

int mlx_mean_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::mean(get(a), axis, keepdims, get(s)); });
}

int mlx_min(mlx_array* res, const mlx_array a, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::min(get(a), keepdims, get(s)); });
}

int mlx_min_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::min(get(a), axis, keepdims, get(s)); });
}

int mlx_softmax_axis(mlx_array* res, const mlx_array a, int axis, bool precise, const mlx_stream s) {
  return store(res, [&] { return mx::softmax(get(a), std::vector<int>{axis}, precise, get(s)); });
}

int mlx_sort_axis(mlx_array* res, const mlx_array a, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::sort(get(a), axis, get(s)); });
}

int mlx_sum(mlx_array* res, const mlx_array a, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::sum(get(a), keepdims, get(s)); });
}

int mlx_sum_axis(mlx_array* res, const mlx_array a, int axis, bool keepdims, const mlx_stream s) {
  return store(res, [&] { return mx::sum(get(a), axis, keepdims, get(s)); });
}

int mlx_topk_axis(mlx_array* res, const mlx_array a, int k, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::topk(get(a), k, axis, get(s)); });
}
