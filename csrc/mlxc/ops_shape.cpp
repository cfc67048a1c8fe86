#include "handles.h"
#include "mlx/ops.h"

using namespace fluxmlx::mlxc;

int mlx_astype(mlx_array* res, const mlx_array a, mlx_dtype dtype, const mlx_stream s) {
  return store(res, [&] { return mx::astype(get(a), fluxmlx::mlxc::dtype(dtype), get(s)); });
}

int mlx_broadcast_to(mlx_array* res, const mlx_array a, const int* shape, size_t shape_num, const mlx_stream s) {
  return store(res, [&] { return mx::broadcast_to(get(a), fluxmlx::mlxc::shape(shape, shape_num), get(s)); });
}

int mlx_concatenate_axis(mlx_array* res, const mlx_vector_array arrays, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::concatenate(get(arrays), axis, get(s)); });
}

int mlx_contiguous(mlx_array* res, const mlx_array a, bool allow_col_major, const mlx_stream s) {
  return store(res, [&] { return mx::contiguous(get(a), allow_col_major, get(s)); });
}

int mlx_copy(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::copy(get(a), get(s)); });
}

int mlx_expand_dims(mlx_array* res, const mlx_array a, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::expand_dims(get(a), axis, get(s)); });
}

int mlx_flatten(mlx_array* res, const mlx_array a, int start_axis, int end_axis, const mlx_stream s) {
  return store(res, [&] { return mx::flatten(get(a), start_axis, end_axis, get(s)); });
}

int mlx_pad(mlx_array* res, const mlx_array a, const int* axes, size_t axes_num, const int* low_pad_size,
            size_t low_pad_size_num, const int* high_pad_size, size_t high_pad_size_num, const mlx_array pad_value,
            const char* mode, const mlx_stream s) {
  return store(res, [&] {
    return mx::pad(get(a), ints(axes, axes_num), shape(low_pad_size, low_pad_size_num),
                   shape(high_pad_size, high_pad_size_num), get(pad_value), text(mode), get(s));
  });
}

int mlx_repeat_axis(mlx_array* res, const mlx_array arr, int repeats, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::repeat(get(arr), repeats, axis, get(s)); });
}

int mlx_reshape(mlx_array* res, const mlx_array a, const int* shape, size_t shape_num, const mlx_stream s) {
  return store(res, [&] { return mx::reshape(get(a), fluxmlx::mlxc::shape(shape, shape_num), get(s)); });
}

int mlx_split(mlx_vector_array* res, const mlx_array a, int num_splits, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::split(get(a), num_splits, axis, get(s)); });
}

int mlx_split_sections(mlx_vector_array* res, const mlx_array a, const int* indices, size_t indices_num, int axis,
                       const mlx_stream s) {
  return store(res, [&] { return mx::split(get(a), shape(indices, indices_num), axis, get(s)); });
}

int mlx_squeeze_axis(mlx_array* res, const mlx_array a, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::squeeze(get(a), axis, get(s)); });
}

int mlx_stack_axis(mlx_array* res, const mlx_vector_array arrays, int axis, const mlx_stream s) {
  return store(res, [&] { return mx::stack(get(arrays), axis, get(s)); });
}

int mlx_swapaxes(mlx_array* res, const mlx_array a, int axis1, int axis2, const mlx_stream s) {
  return store(res, [&] { return mx::swapaxes(get(a), axis1, axis2, get(s)); });
}

int mlx_tile(mlx_array* res, const mlx_array arr, const int* reps, size_t reps_num, const mlx_stream s) {
  return store(res, [&] { return mx::tile(get(arr), ints(reps, reps_num), get(s)); });
}

int mlx_transpose(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::transpose(get(a), get(s)); });
}

int mlx_transpose_axes(mlx_array* res, const mlx_array a, const int* axes, size_t axes_num, const mlx_stream s) {
  return store(res, [&] { return mx::transpose(get(a), ints(axes, axes_num), get(s)); });
}

int mlx_view(mlx_array* res, const mlx_array a, mlx_dtype dtype, const mlx_stream s) {
  return store(res, [&] { return mx::view(get(a), fluxmlx::mlxc::dtype(dtype), get(s)); });
}
