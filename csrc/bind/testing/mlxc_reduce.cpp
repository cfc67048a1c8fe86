#include <cmath>

#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

using Fold = int (*)(mlx_array*, mlx_array, bool, mlx_stream);
using FoldAxis = int (*)(mlx_array*, mlx_array, int, bool, mlx_stream);
using Order = int (*)(mlx_array*, mlx_array, int, mlx_stream);

Array matrix() { return floats({3, 1, 2, 4, 6, 5}, {2, 3}); }

Case fold(const std::string& name, Fold call, const Floats& wanted) {
  return {name, [=] {
            const Stream s = stream();
            Array dropped;
            Array kept;
            ok(call(dropped.out(), matrix(), false, s), name);
            equal(dropped, wanted, {}, name);
            ok(call(kept.out(), matrix(), true, s), name);
            equal(kept, wanted, {1, 1}, name);
          }};
}

Case fold_axis(const std::string& name, FoldAxis call, const Floats& wanted) {
  return {name, [=] {
            const Stream s = stream();
            Array dropped;
            Array kept;
            ok(call(dropped.out(), matrix(), -1, false, s), name);
            equal(dropped, wanted, {2}, name);
            ok(call(kept.out(), matrix(), 1, true, s), name);
            equal(kept, wanted, {2, 1}, name);
          }};
}

Case order(const std::string& name, Order call, const Floats& wanted) {
  return {name, [=] {
            const Stream s = stream();
            Array result;
            ok(call(result.out(), matrix(), 1, s), name);
            equal(result, wanted, {2, 3}, name);
          }};
}

void argpartition() {
  const Stream s = stream();
  Array result;
  ok(mlx_argpartition_axis(result.out(), matrix(), 1, 1, s), "mlx_argpartition_axis");
  const Floats index = values(result);
  expect(index.size() == 6 && index[1] == 2 && index[4] == 2, "mlx_argpartition_axis misplaced the middle element");
}

void topk() {
  const Stream s = stream();
  Array top;
  Array sorted;
  ok(mlx_topk_axis(top.out(), matrix(), 2, 1, s), "mlx_topk_axis");
  ok(mlx_sort_axis(sorted.out(), top, 1, s), "mlx_sort_axis");
  equal(sorted, {2, 3, 5, 6}, {2, 2}, "mlx_topk_axis");
}

void cumsum() {
  const Stream s = stream();
  Array forward;
  Array backward;
  ok(mlx_cumsum(forward.out(), matrix(), 1, false, true, s), "mlx_cumsum");
  equal(forward, {3, 4, 6, 4, 10, 15}, "mlx_cumsum");
  ok(mlx_cumsum(backward.out(), matrix(), 1, true, false, s), "mlx_cumsum");
  equal(backward, {3, 2, 0, 11, 5, 0}, "mlx_cumsum, reversed and exclusive");
}

void softmax() {
  const Stream s = stream();
  const float total = 1 + std::exp(1.0f);
  for (const bool precise : {false, true}) {
    Array result;
    ok(mlx_softmax_axis(result.out(), floats({0, 5, 1, 5}, {2, 2}), 0, precise, s), "mlx_softmax_axis");
    equal(result, {1 / total, 0.5f, std::exp(1.0f) / total, 0.5f}, {2, 2}, "mlx_softmax_axis");
  }
}

float log_sum(float a, float b, float c) { return std::log(std::exp(a) + std::exp(b) + std::exp(c)); }

}  // namespace

Cases reduce_cases() {
  return {
      fold("max", mlx_max, {6}),
      fold("min", mlx_min, {1}),
      fold("mean", mlx_mean, {3.5f}),
      fold("sum", mlx_sum, {21}),
      fold_axis("max_axis", mlx_max_axis, {3, 6}),
      fold_axis("min_axis", mlx_min_axis, {1, 4}),
      fold_axis("mean_axis", mlx_mean_axis, {2, 5}),
      fold_axis("sum_axis", mlx_sum_axis, {6, 15}),
      fold_axis("argmax_axis", mlx_argmax_axis, {0, 1}),
      fold_axis("argmin_axis", mlx_argmin_axis, {1, 0}),
      fold_axis("logsumexp_axis", mlx_logsumexp_axis, {log_sum(1, 2, 3), log_sum(4, 5, 6)}),
      order("sort_axis", mlx_sort_axis, {1, 2, 3, 4, 5, 6}),
      order("argsort_axis", mlx_argsort_axis, {1, 2, 0, 0, 2, 1}),
      {"argpartition_axis", argpartition},
      {"topk_axis", topk},
      {"cumsum", cumsum},
      {"softmax_axis", softmax},
  };
}

}  // namespace fluxmlx::bind::mlxc
