#include "handles.h"
#include "mlx/ops.h"

using namespace fluxmlx::mlxc;

int mlx_abs(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::abs(get(a), get(s)); });
}

int mlx_add(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::add(get(a), get(b), get(s)); });
}

int mlx_bitwise_and(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::bitwise_and(get(a), get(b), get(s)); });
}

int mlx_bitwise_or(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::bitwise_or(get(a), get(b), get(s)); });
}

int mlx_clip(mlx_array* res, const mlx_array a, const mlx_array a_min, const mlx_array a_max, const mlx_stream s) {
  return store(res, [&] { return mx::clip(get(a), maybe(a_min), maybe(a_max), get(s)); });
}

int mlx_divide(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::divide(get(a), get(b), get(s)); });
}

int mlx_erf(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::erf(get(a), get(s)); });
}

int mlx_exp(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::exp(get(a), get(s)); });
}

int mlx_floor(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::floor(get(a), get(s)); });
}

int mlx_left_shift(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::left_shift(get(a), get(b), get(s)); });
}

int mlx_log(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::log(get(a), get(s)); });
}

int mlx_maximum(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::maximum(get(a), get(b), get(s)); });
}

int mlx_minimum(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::minimum(get(a), get(b), get(s)); });
}

int mlx_multiply(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::multiply(get(a), get(b), get(s)); });
}

int mlx_negative(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::negative(get(a), get(s)); });
}

int mlx_power(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::power(get(a), get(b), get(s)); });
}

int mlx_right_shift(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::right_shift(get(a), get(b), get(s)); });
}

int mlx_round(mlx_array* res, const mlx_array a, int decimals, const mlx_stream s) {
  return store(res, [&] { return mx::round(get(a), decimals, get(s)); });
}

int mlx_rsqrt(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::rsqrt(get(a), get(s)); });
}

int mlx_sigmoid(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::sigmoid(get(a), get(s)); });
}

int mlx_sqrt(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::sqrt(get(a), get(s)); });
}

int mlx_square(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::square(get(a), get(s)); });
}

int mlx_subtract(mlx_array* res, const mlx_array a, const mlx_array b, const mlx_stream s) {
  return store(res, [&] { return mx::subtract(get(a), get(b), get(s)); });
}

int mlx_tanh(mlx_array* res, const mlx_array a, const mlx_stream s) {
  return store(res, [&] { return mx::tanh(get(a), get(s)); });
}
