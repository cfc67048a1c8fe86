#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

Array matrix() { return floats({0, 1, 2, 3, 4, 5}, {2, 3}); }

Arrays pair() {
  const Array a = floats({1, 2});
  const Array b = floats({3, 4});
  const mlx_array both[] = {a, b};
  return Arrays(mlx_vector_array_new_data(both, 2));
}

Array at(const Arrays& list, size_t index) {
  Array result;
  ok(mlx_vector_array_get(result.out(), list, index), "mlx_vector_array_get");
  return result;
}

void create() {
  const Stream s = stream();
  const int sizes[] = {1, 2};
  Array zero, one, seven, like, range;
  ok(mlx_zeros(zero.out(), sizes, 2, MLX_INT32, s), "mlx_zeros");
  equal(zero, {0, 0}, {1, 2}, "mlx_zeros");
  ok(mlx_ones(one.out(), sizes, 2, MLX_FLOAT16, s), "mlx_ones");
  expect(mlx_array_dtype(one) == MLX_FLOAT16, "mlx_ones has another type");
  equal(one, {1, 1}, {1, 2}, "mlx_ones");
  ok(mlx_full(seven.out(), sizes, 2, floats({7.5f}), MLX_BFLOAT16, s), "mlx_full");
  expect(mlx_array_dtype(seven) == MLX_BFLOAT16, "mlx_full has another type");
  equal(seven, {7.5f, 7.5f}, {1, 2}, "mlx_full");
  ok(mlx_zeros_like(like.out(), matrix(), s), "mlx_zeros_like");
  equal(like, {0, 0, 0, 0, 0, 0}, {2, 3}, "mlx_zeros_like");
  ok(mlx_arange(range.out(), 1, 6, 2, MLX_INT32, s), "mlx_arange");
  equal(range, {1, 3, 5}, {3}, "mlx_arange");
}

void tril() {
  const Stream s = stream();
  Array result;
  ok(mlx_tril(result.out(), matrix(), 1, s), "mlx_tril");
  equal(result, {0, 1, 0, 3, 4, 5}, {2, 3}, "mlx_tril");
}

void types() {
  const Stream s = stream();
  Array whole, bits;
  ok(mlx_astype(whole.out(), floats({2.75f}), MLX_INT32, s), "mlx_astype");
  expect(mlx_array_dtype(whole) == MLX_INT32, "mlx_astype kept the type");
  equal(whole, {2}, "mlx_astype");
  ok(mlx_view(bits.out(), floats({1}), MLX_UINT16, s), "mlx_view");
  equal(bits, {0, 0x3f80}, {2}, "mlx_view");
}

void reshape() {
  const Stream s = stream();
  const int sizes[] = {3, -1};
  Array reshaped, flat, grown, shrunk;
  ok(mlx_reshape(reshaped.out(), matrix(), sizes, 2, s), "mlx_reshape");
  equal(reshaped, {0, 1, 2, 3, 4, 5}, {3, 2}, "mlx_reshape");
  ok(mlx_flatten(flat.out(), matrix(), 0, -1, s), "mlx_flatten");
  equal(flat, {0, 1, 2, 3, 4, 5}, {6}, "mlx_flatten");
  ok(mlx_expand_dims(grown.out(), matrix(), 1, s), "mlx_expand_dims");
  equal(grown, {0, 1, 2, 3, 4, 5}, {2, 1, 3}, "mlx_expand_dims");
  ok(mlx_squeeze_axis(shrunk.out(), grown, 1, s), "mlx_squeeze_axis");
  equal(shrunk, {0, 1, 2, 3, 4, 5}, {2, 3}, "mlx_squeeze_axis");
}

void transpose() {
  const Stream s = stream();
  const Floats wanted = {0, 3, 1, 4, 2, 5};
  const int axes[] = {1, 0};
  Array plain, by_axes, swapped;
  ok(mlx_transpose(plain.out(), matrix(), s), "mlx_transpose");
  equal(plain, wanted, {3, 2}, "mlx_transpose");
  ok(mlx_transpose_axes(by_axes.out(), matrix(), axes, 2, s), "mlx_transpose_axes");
  equal(by_axes, wanted, {3, 2}, "mlx_transpose_axes");
  ok(mlx_swapaxes(swapped.out(), matrix(), 0, 1, s), "mlx_swapaxes");
  equal(swapped, wanted, {3, 2}, "mlx_swapaxes");
}

void layout() {
  const Stream s = stream();
  Array turned, straight, copy;
  bool row_major = true;
  ok(mlx_transpose(turned.out(), matrix(), s), "mlx_transpose");
  ok(mlx_array_eval(turned), "mlx_array_eval");
  ok(_mlx_array_is_row_contiguous(&row_major, turned), "_mlx_array_is_row_contiguous");
  expect(!row_major, "a transposed matrix says that it is row-contiguous");
  ok(mlx_contiguous(straight.out(), turned, false, s), "mlx_contiguous");
  ok(mlx_array_eval(straight), "mlx_array_eval");
  ok(_mlx_array_is_row_contiguous(&row_major, straight), "_mlx_array_is_row_contiguous");
  expect(row_major, "mlx_contiguous left another layout");
  ok(mlx_copy(copy.out(), turned, s), "mlx_copy");
  equal(copy, {0, 3, 1, 4, 2, 5}, {3, 2}, "mlx_copy");
}

void join() {
  const Stream s = stream();
  Array joined, stacked;
  ok(mlx_concatenate_axis(joined.out(), pair(), 0, s), "mlx_concatenate_axis");
  equal(joined, {1, 2, 3, 4}, {4}, "mlx_concatenate_axis");
  ok(mlx_stack_axis(stacked.out(), pair(), 1, s), "mlx_stack_axis");
  equal(stacked, {1, 3, 2, 4}, {2, 2}, "mlx_stack_axis");
}

void split() {
  const Stream s = stream();
  const int at_indices[] = {1};
  Arrays thirds, sections;
  ok(mlx_split(thirds.out(), matrix(), 3, 1, s), "mlx_split");
  expect(mlx_vector_array_size(thirds) == 3, "mlx_split gave another number of parts");
  equal(at(thirds, 2), {2, 5}, {2, 1}, "mlx_split");
  ok(mlx_split_sections(sections.out(), matrix(), at_indices, 1, 1, s), "mlx_split_sections");
  expect(mlx_vector_array_size(sections) == 2, "mlx_split_sections gave another number of parts");
  equal(at(sections, 1), {1, 2, 4, 5}, {2, 2}, "mlx_split_sections");
}

void repeat() {
  const Stream s = stream();
  const int sizes[] = {2, 2};
  Array repeated, tiled, broadcast;
  ok(mlx_repeat_axis(repeated.out(), floats({1, 2}), 2, 0, s), "mlx_repeat_axis");
  equal(repeated, {1, 1, 2, 2}, {4}, "mlx_repeat_axis");
  ok(mlx_tile(tiled.out(), floats({1, 2}), sizes, 2, s), "mlx_tile");
  equal(tiled, {1, 2, 1, 2, 1, 2, 1, 2}, {2, 4}, "mlx_tile");
  ok(mlx_broadcast_to(broadcast.out(), floats({1, 2}), sizes, 2, s), "mlx_broadcast_to");
  equal(broadcast, {1, 2, 1, 2}, {2, 2}, "mlx_broadcast_to");
}

void pad() {
  const Stream s = stream();
  const int axes[] = {0};
  const int low[] = {1};
  const int high[] = {2};
  Array result;
  ok(mlx_pad(result.out(), floats({1, 2}), axes, 1, low, 1, high, 1, floats({9}, {}), "constant", s), "mlx_pad");
  equal(result, {9, 1, 2, 9, 9}, {5}, "mlx_pad");
}

}  // namespace

Cases shape_cases() {
  return {{"create", create},       {"tril", tril}, {"types", types}, {"reshape", reshape}, {"layout", layout},
          {"transpose", transpose}, {"join", join}, {"split", split}, {"repeat", repeat},   {"pad", pad}};
}

}  // namespace fluxmlx::bind::mlxc
