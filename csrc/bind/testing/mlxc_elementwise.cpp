#include <cmath>

#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

using Unary = int (*)(mlx_array*, mlx_array, mlx_stream);
using Binary = int (*)(mlx_array*, mlx_array, mlx_array, mlx_stream);

const Floats positive = {0.25f, 1.0f, 2.5f};
const Floats mixed = {-1.5f, 0.0f, 2.5f};

Case unary(const std::string& name, Unary call, const Floats& input, float (*reference)(float)) {
  return {name, [=] {
            const Stream s = stream();
            Floats wanted;
            for (const float x : input) {
              wanted.push_back(reference(x));
            }
            Array result;
            ok(call(result.out(), floats(input), s), name);
            equal(result, wanted, name);
          }};
}

Case binary(const std::string& name, Binary call, const Floats& wanted) {
  return {name, [=] {
            const Stream s = stream();
            Array result;
            ok(call(result.out(), floats({3, -2, 0.5f}), floats({2, 4, -1}), s), name);
            equal(result, wanted, name);
          }};
}

Case bits(const std::string& name, Binary call, const Floats& wanted) {
  return {name, [=] {
            const Stream s = stream();
            Array result;
            ok(call(result.out(), ints({12, 7}), ints({2, 3}), s), name);
            expect(mlx_array_dtype(result) == MLX_INT32, name + " changed the type");
            equal(result, wanted, name);
          }};
}

void clip() {
  const Stream s = stream();
  Array both;
  Array above;
  ok(mlx_clip(both.out(), floats(mixed), floats({-1}), floats({2}), s), "mlx_clip");
  equal(both, {-1, 0, 2}, "mlx_clip");
  ok(mlx_clip(above.out(), floats(mixed), mlx_array_empty, floats({2}), s), "mlx_clip without a minimum");
  equal(above, {-1.5f, 0, 2}, "mlx_clip without a minimum");
}

void round() {
  const Stream s = stream();
  Array result;
  ok(mlx_round(result.out(), floats({1.26f, -1.24f}), 1, s), "mlx_round");
  equal(result, {1.3f, -1.2f}, "mlx_round");
}

}  // namespace

Cases elementwise_cases() {
  return {
      unary("abs", mlx_abs, mixed, [](float x) { return std::fabs(x); }),
      unary("erf", mlx_erf, mixed, [](float x) { return std::erf(x); }),
      unary("exp", mlx_exp, mixed, [](float x) { return std::exp(x); }),
      unary("floor", mlx_floor, mixed, [](float x) { return std::floor(x); }),
      unary("log", mlx_log, positive, [](float x) { return std::log(x); }),
      unary("negative", mlx_negative, mixed, [](float x) { return -x; }),
      unary("rsqrt", mlx_rsqrt, positive, [](float x) { return 1 / std::sqrt(x); }),
      unary("sigmoid", mlx_sigmoid, mixed, [](float x) { return 1 / (1 + std::exp(-x)); }),
      unary("sqrt", mlx_sqrt, positive, [](float x) { return std::sqrt(x); }),
      unary("square", mlx_square, mixed, [](float x) { return x * x; }),
      unary("tanh", mlx_tanh, mixed, [](float x) { return std::tanh(x); }),
      binary("add", mlx_add, {5, 2, -0.5f}),
      binary("divide", mlx_divide, {1.5f, -0.5f, -0.5f}),
      binary("maximum", mlx_maximum, {3, 4, 0.5f}),
      binary("minimum", mlx_minimum, {2, -2, -1}),
      binary("multiply", mlx_multiply, {6, -8, -0.5f}),
      binary("power", mlx_power, {9, 16, 2}),
      binary("subtract", mlx_subtract, {1, -6, 1.5f}),
      bits("bitwise_and", mlx_bitwise_and, {0, 3}),
      bits("bitwise_or", mlx_bitwise_or, {14, 7}),
      bits("left_shift", mlx_left_shift, {48, 56}),
      bits("right_shift", mlx_right_shift, {3, 0}),
      {"clip", clip},
      {"round", round},
  };
}

}  // namespace fluxmlx::bind::mlxc
