#include <limits>

#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

using Binary = int (*)(mlx_array*, mlx_array, mlx_array, mlx_stream);
using Test = int (*)(mlx_array*, mlx_array, mlx_stream);
using Fold = int (*)(mlx_array*, mlx_array, bool, mlx_stream);
using FoldAxis = int (*)(mlx_array*, mlx_array, int, bool, mlx_stream);

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

void truth(mlx_array a, const Floats& wanted, const std::string& what) {
  expect(mlx_array_dtype(a) == MLX_BOOL, what + " did not give booleans");
  equal(a, wanted, what);
}

Case compare(const std::string& name, Binary call, const Floats& wanted) {
  return {name, [=] {
            const Stream s = stream();
            Array result;
            ok(call(result.out(), floats({1, 2, 3}), floats({2, 2, 2}), s), name);
            truth(result, wanted, name);
          }};
}

Case logic(const std::string& name, Binary call, const Floats& wanted) {
  return {name, [=] {
            const Stream s = stream();
            Array result;
            ok(call(result.out(), bools({0, 0, 1, 1}), bools({0, 1, 0, 1}), s), name);
            truth(result, wanted, name);
          }};
}

Case test(const std::string& name, Test call, const Floats& wanted) {
  return {name, [=] {
            const Stream s = stream();
            Array result;
            ok(call(result.out(), floats({0, inf, nan, 2}), s), name);
            truth(result, wanted, name);
          }};
}

Case fold(const std::string& name, Fold call, FoldAxis axis, const Floats& wanted, const Floats& by_row) {
  return {name, [=] {
            const Stream s = stream();
            const Array input = ints({1, 1, 0, 1}, {2, 2});
            Array whole;
            Array rows;
            ok(call(whole.out(), input, true, s), name);
            expect(shape(whole) == Ints{1, 1}, name + " dropped the dimensions it should keep");
            truth(whole, wanted, name);
            ok(axis(rows.out(), input, 1, false, s), name + "_axis");
            expect(shape(rows) == Ints{2}, name + "_axis kept the dimension it should drop");
            truth(rows, by_row, name + "_axis");
          }};
}

void where() {
  const Stream s = stream();
  Array result;
  ok(mlx_where(result.out(), bools({1, 0}), floats({1, 2}), floats({3, 4}), s), "mlx_where");
  equal(result, {1, 4}, "mlx_where");
}

void array_equal() {
  const Stream s = stream();
  const Array with_nan = floats({1, nan});
  for (const bool equal_nan : {false, true}) {
    Array result;
    ok(mlx_array_equal(result.out(), with_nan, with_nan, equal_nan, s), "mlx_array_equal");
    truth(result, {equal_nan ? 1.0f : 0.0f}, "mlx_array_equal");
  }
}

void allclose() {
  const Stream s = stream();
  for (const double rtol : {1e-3, 1e-1}) {
    Array result;
    ok(mlx_allclose(result.out(), floats({1.05f}), floats({1}), rtol, 0, false, s), "mlx_allclose");
    truth(result, {rtol > 0.01 ? 1.0f : 0.0f}, "mlx_allclose");
  }
}

}  // namespace

Cases compare_cases() {
  return {
      compare("equal", mlx_equal, {0, 1, 0}),
      compare("not_equal", mlx_not_equal, {1, 0, 1}),
      compare("greater", mlx_greater, {0, 0, 1}),
      compare("greater_equal", mlx_greater_equal, {0, 1, 1}),
      compare("less", mlx_less, {1, 0, 0}),
      compare("less_equal", mlx_less_equal, {1, 1, 0}),
      logic("logical_and", mlx_logical_and, {0, 0, 0, 1}),
      logic("logical_or", mlx_logical_or, {0, 1, 1, 1}),
      test("logical_not", mlx_logical_not, {1, 0, 0, 0}),
      test("isfinite", mlx_isfinite, {1, 0, 0, 1}),
      test("isnan", mlx_isnan, {0, 0, 1, 0}),
      fold("all", mlx_all, mlx_all_axis, {0}, {1, 0}),
      fold("any", mlx_any, mlx_any_axis, {1}, {1, 1}),
      {"where", where},
      {"array_equal", array_equal},
      {"allclose", allclose},
  };
}

}  // namespace fluxmlx::bind::mlxc
