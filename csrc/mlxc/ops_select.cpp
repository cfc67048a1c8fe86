#include "handles.h"
#include "mlx/ops.h"

using namespace fluxmlx::mlxc;

int mlx_put_along_axis(mlx_array* res, const mlx_array a, const mlx_array indices, const mlx_array values, int axis,
                       const mlx_stream s) {
  return store(res, [&] { return mx::put_along_axis(get(a), get(indices), get(values), axis, get(s)); });
}

int mlx_slice(mlx_array* res, const mlx_array a, const int* start, size_t start_num, const int* stop, size_t stop_num,
              const int* strides, size_t strides_num, const mlx_stream s) {
  return store(res, [&] {
    return mx::slice(get(a), shape(start, start_num), shape(stop, stop_num), shape(strides, strides_num), get(s));
  });
}

int mlx_slice_dynamic(mlx_array* res, const mlx_array a, const mlx_array start, const int* axes, size_t axes_num,
                      const int* slice_size, size_t slice_size_num, const mlx_stream s) {
  return store(res, [&] {
    return mx::slice(get(a), get(start), ints(axes, axes_num), shape(slice_size, slice_size_num), get(s));
  });
}

int mlx_slice_update(mlx_array* res, const mlx_array src, const mlx_array update, const int* start, size_t start_num,
                     const int* stop, size_t stop_num, const int* strides, size_t strides_num, const mlx_stream s) {
  return store(res, [&] {
    return mx::slice_update(get(src), get(update), shape(start, start_num), shape(stop, stop_num),
                            shape(strides, strides_num), get(s));
  });
}

int mlx_slice_update_dynamic(mlx_array* res, const mlx_array src, const mlx_array update, const mlx_array start,
                             const int* axes, size_t axes_num, const mlx_stream s) {
  return store(res, [&] { return mx::slice_update(get(src), get(update), get(start), ints(axes, axes_num), get(s)); });
}

int mlx_take(mlx_array* res, const mlx_array a, const mlx_array indices, const mlx_stream s) {
  return store(res, [&] { return mx::take(get(a), get(indices), get(s)); });
}

int mlx_take_along_axis(mlx_array* res, const mlx_array a, const mlx_array indices, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::take_along_axis(get(a), get(indices), axis, get(s)); });
}

int mlx_take_axis(mlx_array* res, const mlx_array a, const mlx_array indices, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::take(get(a), get(indices), axis, get(s)); });
}
