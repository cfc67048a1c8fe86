#include "sample/select.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace fluxmlx::sample {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr size_t run_size = 64;       // logits that are looked at together
constexpr size_t buffer_slack = 256;  // more than k at once, so that a new best is seldom sorted in alone

[[noreturn]] void fail_non_finite(float value, size_t token) {
  fail(ErrorCode::runtime, "the model produced non-finite logits (", value, " for token ", token,
       "); its weights are damaged or a computation overflowed: check the model file");
}

// Whether a logit of a run is above the limit, or not a number. No branch for each, so that it becomes vectors.
bool any_above(const float* run, float limit) noexcept {
  int found = 0;
  for (size_t i = 0; i < run_size; ++i) found |= static_cast<int>(!(run[i] <= limit));
  return found != 0;
}

// visit(token) for each logit that is above the limit of that moment, or not a number; visit may raise the limit. Few
// are, so most runs need one look.
template <class Visit>
void for_each_above(std::span<const float> logits, const float& limit, const Visit& visit) {
  for (size_t begin = 0; begin < logits.size(); begin += run_size) {
    const size_t end = std::min(begin + run_size, logits.size());
    if (end - begin == run_size && !any_above(logits.data() + begin, limit)) continue;
    for (size_t i = begin; i < end; ++i) {
      if (!(logits[i] <= limit)) visit(i);
    }
  }
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
  for_each_above(logits, best, [&](size_t i) {
    if (!(logits[i] < infinity)) fail_non_finite(logits[i], i);
    best = logits[i];
    token = static_cast<int32_t>(i);
  });
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
  for_each_above(logits, threshold, [&](size_t i) {
    out.push_back({logits[i], static_cast<int32_t>(i)});
    if (out.size() == 2 * n_kept + buffer_slack) threshold = keep_best(out, n_kept);
  });
  if (out.size() > n_kept) keep_best(out, n_kept);
  std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) { return a.token < b.token; });
}

}  // namespace fluxmlx::sample
