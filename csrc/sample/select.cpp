#include "sample/select.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace fluxmlx::sample {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr size_t buffer_slack = 256;  // more than k at once, so that a new best is seldom sorted in alone

[[noreturn]] void fail_non_finite(float value, size_t token) {
  fail(ErrorCode::runtime, "the model produced non-finite logits (", value, " for token ", token,
       "); its weights are damaged or a computation overflowed: check the model file");
}

// Shrinks `kept` to the k best and returns the logit that a later, hence higher, id must exceed.
float keep_best(std::vector<Candidate>& kept, size_t k) {
  const auto last = kept.begin() + static_cast<std::ptrdiff_t>(k) - 1;
  std::nth_element(kept.begin(), last, kept.end(), better);
  kept.resize(k);
  return kept.back().logit;
}

void select_all(std::span<const float> logits, std::vector<Candidate>& out) {
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != -infinity) out.push_back({logits[i], static_cast<int32_t>(i)});
  }
}

}  // namespace

int32_t argmax(std::span<const float> logits) {
  float best = -infinity;
  int32_t token = -1;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] <= best) continue;  // false for NaN, so one comparison per logit finds both
    if (!(logits[i] < infinity)) fail_non_finite(logits[i], i);
    best = logits[i];
    token = static_cast<int32_t>(i);
  }
  return token;
}

int32_t checked_argmax(std::span<const float> logits) {
  const int32_t token = argmax(logits);
  if (token < 0) fail_non_finite(-infinity, 0);
  return token;
}

void select_top(std::span<const float> logits, int64_t k, std::vector<Candidate>& out) {
  out.clear();
  if (k <= 0 || static_cast<size_t>(k) >= logits.size()) return select_all(logits, out);
  const size_t n_kept = static_cast<size_t>(k);
  float threshold = -infinity;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] > threshold)) continue;
    out.push_back({logits[i], static_cast<int32_t>(i)});
    if (out.size() == 2 * n_kept + buffer_slack) threshold = keep_best(out, n_kept);
  }
  if (out.size() > n_kept) keep_best(out, n_kept);
  std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) { return a.token < b.token; });
}

}  // namespace fluxmlx::sample
