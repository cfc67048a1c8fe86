#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

// 0 1 2 3 / 4 5 6 7
Array matrix() { return floats({0, 1, 2, 3, 4, 5, 6, 7}, {2, 4}); }

void take() {
  const Stream s = stream();
  Array flat;
  Array columns;
  ok(mlx_take(flat.out(), matrix(), ints({5, 0}), s), "mlx_take");
  equal(flat, {5, 0}, {2}, "mlx_take");
  ok(mlx_take_axis(columns.out(), matrix(), ints({3, 1}), 1, s), "mlx_take_axis");
  equal(columns, {3, 1, 7, 5}, {2, 2}, "mlx_take_axis");
}

void along_axis() {
  const Stream s = stream();
  const Array index = ints({2, 0}, {2, 1});
  Array taken;
  Array changed;
  ok(mlx_take_along_axis(taken.out(), matrix(), index, 1, s), "mlx_take_along_axis");
  equal(taken, {2, 4}, {2, 1}, "mlx_take_along_axis");
  ok(mlx_put_along_axis(changed.out(), matrix(), index, floats({-1, -2}, {2, 1}), 1, s), "mlx_put_along_axis");
  equal(changed, {0, 1, -1, 3, -2, 5, 6, 7}, {2, 4}, "mlx_put_along_axis");
}

void slice() {
  const Stream s = stream();
  const int start[] = {0, 1};
  const int stop[] = {2, 4};
  const int strides[] = {1, 2};
  Array part;
  Array changed;
  ok(mlx_slice(part.out(), matrix(), start, 2, stop, 2, strides, 2, s), "mlx_slice");
  equal(part, {1, 3, 5, 7}, {2, 2}, "mlx_slice");
  const Array update = floats({-1, -2, -3, -4}, {2, 2});
  ok(mlx_slice_update(changed.out(), matrix(), update, start, 2, stop, 2, strides, 2, s), "mlx_slice_update");
  equal(changed, {0, -1, 2, -2, 4, -3, 6, -4}, {2, 4}, "mlx_slice_update");
}

void slice_dynamic() {
  const Stream s = stream();
  const Array start = ints({2});
  const int axes[] = {1};
  const int size[] = {2, 2};
  Array part;
  Array changed;
  ok(mlx_slice_dynamic(part.out(), matrix(), start, axes, 1, size, 2, s), "mlx_slice_dynamic");
  equal(part, {2, 3, 6, 7}, {2, 2}, "mlx_slice_dynamic");
  const Array update = floats({-1, -2}, {2, 1});
  ok(mlx_slice_update_dynamic(changed.out(), matrix(), update, start, axes, 1, s), "mlx_slice_update_dynamic");
  equal(changed, {0, 1, -1, 3, 4, 5, -2, 7}, {2, 4}, "mlx_slice_update_dynamic");
}

}  // namespace

Cases select_cases() {
  return {{"take", take}, {"along_axis", along_axis}, {"slice", slice}, {"slice_dynamic", slice_dynamic}};
}

}  // namespace fluxmlx::bind::mlxc
