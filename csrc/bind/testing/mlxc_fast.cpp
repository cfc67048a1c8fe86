#include <cmath>

#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

const mlx_optional_float base = {100.0f, true};
const mlx_optional_float no_base = {0.0f, false};

void rms_norm() {
  const Stream s = stream();
  const float norm = std::sqrt((9.0f + 16.0f) / 2 + 0.5f);
  Array plain, weighted;
  ok(mlx_fast_rms_norm(plain.out(), floats({3, 4}), mlx_array_empty, 0.5f, s), "mlx_fast_rms_norm");
  equal(plain, {3 / norm, 4 / norm}, "mlx_fast_rms_norm");
  ok(mlx_fast_rms_norm(weighted.out(), floats({3, 4}), floats({2, 10}), 0.5f, s), "mlx_fast_rms_norm");
  equal(weighted, {6 / norm, 40 / norm}, "mlx_fast_rms_norm");
}

void layer_norm() {
  const Stream s = stream();
  const float unit = 1 / std::sqrt(1.0f + 0.5f);
  Array plain, full;
  ok(mlx_fast_layer_norm(plain.out(), floats({3, 5}), mlx_array_empty, mlx_array_empty, 0.5f, s),
     "mlx_fast_layer_norm");
  equal(plain, {-unit, unit}, "mlx_fast_layer_norm");
  ok(mlx_fast_layer_norm(full.out(), floats({3, 5}), floats({2, 3}), floats({10, 20}), 0.5f, s), "mlx_fast_layer_norm");
  equal(full, {10 - 2 * unit, 20 + 3 * unit}, "mlx_fast_layer_norm");
}

// Two positions of four dimensions; halves turn together unless traditional pairs neighbours.
Floats rotated(const Floats& x, const Floats& frequencies, bool traditional, float offset) {
  Floats out(x.size());
  for (size_t t = 0; t < 2; ++t) {
    for (size_t i = 0; i < 2; ++i) {
      const size_t a = 4 * t + (traditional ? 2 * i : i);
      const size_t b = a + (traditional ? 1 : 2);
      const float angle = (static_cast<float>(t) + offset) / frequencies[i];
      out[a] = x[a] * std::cos(angle) - x[b] * std::sin(angle);
      out[b] = x[a] * std::sin(angle) + x[b] * std::cos(angle);
    }
  }
  return out;
}

void rope() {
  const Stream s = stream();
  const Floats x = {1, 2, 3, 4, 5, 6, 7, 8};
  const Array input = floats(x, {1, 1, 2, 4});
  for (const bool traditional : {false, true}) {
    Array by_base, by_frequency;
    ok(mlx_fast_rope(by_base.out(), input, 4, traditional, base, 1, 3, mlx_array_empty, s), "mlx_fast_rope");
    equal(by_base, rotated(x, {1, 10}, traditional, 3), "mlx_fast_rope");
    ok(mlx_fast_rope(by_frequency.out(), input, 4, traditional, no_base, 1, 3, floats({2, 5}), s), "mlx_fast_rope");
    equal(by_frequency, rotated(x, {2, 5}, traditional, 3), "mlx_fast_rope with frequencies");
  }
}

void rope_dynamic() {
  const Stream s = stream();
  const Floats x = {1, 2, 3, 4, 5, 6, 7, 8};
  const Array input = floats(x, {1, 1, 2, 4});
  const Array offset(mlx_array_new_int(2));
  Array result;
  ok(mlx_fast_rope_dynamic(result.out(), input, 4, false, base, 1, offset, mlx_array_empty, s),
     "mlx_fast_rope_dynamic");
  equal(result, rotated(x, {1, 10}, false, 2), "mlx_fast_rope_dynamic");
}

// One head, two positions; queries and keys make the scores [[0, 1], [0, 1]] before the mask.
Array attention(const char* mode, mlx_array mask, mlx_array sinks) {
  const Stream s = stream();
  const Ints sizes = {1, 1, 2, 2};
  const Array q = floats({1, 0, 1, 0}, sizes);
  const Array k = floats({0, 0, 2, 0}, sizes);
  const Array v = floats({1, 0, 0, 1}, sizes);
  Array result;
  ok(mlx_fast_scaled_dot_product_attention(result.out(), q, k, v, 0.5f, mode, mask, sinks, s),
     "mlx_fast_scaled_dot_product_attention");
  return result;
}

void sdpa() {
  const float e = std::exp(1.0f);
  const float low = 1 / (1 + e);
  equal(attention("", mlx_array_empty, mlx_array_empty), {low, 1 - low, low, 1 - low}, "attention without a mask");
  equal(attention("causal", mlx_array_empty, mlx_array_empty), {1, 0, low, 1 - low}, "causal attention");
  const Array mask = floats({0, -1, 0, -1e9f}, {2, 2});
  equal(attention("array", mask, mlx_array_empty), {0.5f, 0.5f, 1, 0}, "attention with an additive mask");
}

void sdpa_sinks() {
  const float e = std::exp(1.0f);
  const float total = 1 + e + e * e;
  const Array sinks = floats({2});
  equal(attention("", mlx_array_empty, sinks), {1 / total, e / total, 1 / total, e / total}, "attention with a sink");
}

}  // namespace

Cases fast_cases() {
  return {{"fast_rms_norm", rms_norm}, {"fast_layer_norm", layer_norm},
          {"fast_rope", rope},         {"fast_rope_dynamic", rope_dynamic},
          {"fast_sdpa", sdpa},         {"fast_sdpa_sinks", sdpa_sinks}};
}

}  // namespace fluxmlx::bind::mlxc
