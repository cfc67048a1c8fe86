#include "ops/cpu/route.h"

#include <algorithm>
#include <cmath>

namespace fluxmlx::ops::cpu {
namespace {

// The n_used largest logits, the first of equal ones; NaN is smaller than any number.
void choose(const float* logits, int n, int n_used, int32_t* chosen) {
  const auto before = [logits](int32_t a, int32_t b) {
    const float x = logits[a], y = logits[b];
    if (x == y || (std::isnan(x) && std::isnan(y))) return a < b;
    return std::isnan(y) || x > y;
  };
  for (int i = 0, n_chosen = 0; i < n; ++i) {
    int place = n_chosen;
    while (place > 0 && before(i, chosen[place - 1])) --place;
    if (place == n_used) continue;
    n_chosen = std::min(n_chosen + 1, n_used);
    std::copy_backward(chosen + place, chosen + n_chosen - 1, chosen + n_chosen);
    chosen[place] = i;
  }
}

// Shares of the chosen, of all experts or of themselves.
void weigh(const Experts& experts, const float* logits, const int32_t* chosen, float* weights) {
  const float largest = logits[chosen[0]];
  double sum = 0;
  for (int i = 0; i < experts.n_used; ++i) {
    weights[i] = std::exp(logits[chosen[i]] - largest);
    sum += static_cast<double>(weights[i]);
  }
  if (experts.share_of_all) {
    sum = 0;
    for (int i = 0; i < experts.n; ++i) sum += static_cast<double>(std::exp(logits[i] - largest));
  }
  for (int i = 0; i < experts.n_used; ++i) weights[i] = static_cast<float>(static_cast<double>(weights[i]) / sum);
}

void number_slots(int n_experts, int n_used, Routes& routes) {
  routes.begin.assign(static_cast<size_t>(n_experts) + 1, 0);
  for (const int32_t expert : routes.expert) ++routes.begin[expert + 1];
  for (int i = 0; i < n_experts; ++i) routes.begin[i + 1] += routes.begin[i];
  std::vector<int32_t>& next = routes.row;  // not needed yet: the next slot of each expert
  next.assign(routes.begin.begin(), routes.begin.end() - 1);
  for (size_t i = 0; i < routes.expert.size(); ++i) routes.slot[i] = next[routes.expert[i]]++;
  routes.row.resize(routes.slot.size());
  for (size_t i = 0; i < routes.slot.size(); ++i) routes.row[routes.slot[i]] = static_cast<int32_t>(i) / n_used;
}

}  // namespace

void route(const Experts& experts, const float* logits, int64_t n_rows, Routes& routes) {
  const auto n_slots = static_cast<size_t>(n_rows * experts.n_used);
  routes.expert.resize(n_slots);
  routes.slot.resize(n_slots);
  routes.weight.resize(n_slots);
  for (int64_t i = 0; i < n_rows; ++i) {
    int32_t* chosen = &routes.expert[i * experts.n_used];
    choose(logits + i * experts.n, experts.n, experts.n_used, chosen);
    weigh(experts, logits + i * experts.n, chosen, &routes.weight[i * experts.n_used]);
  }
  number_slots(experts.n, experts.n_used, routes);
}

}  // namespace fluxmlx::ops::cpu
