#include "sample/log_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace fluxmlx::sample {
namespace {

constexpr size_t kRun = 64;  // logits that are looked at together, each with a sum of its own

// The greater of x and -87, for x <= 0. By their bits, of which greater ones are lower numbers: a comparison of floats
// may trap, which keeps compilers from making vectors of it.
float at_least_87_below(float x) {
  return std::bit_cast<float>(std::min(std::bit_cast<uint32_t>(x), std::bit_cast<uint32_t>(-87.0f)));
}

// e^x for x <= 0, and 2e-38 for what is below -87: x = n ln 2 + r, and the polynomial of kernels/body/activation.h.
float exponential(float x) {
  const float bounded = at_least_87_below(x);
  const float shifted = bounded * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float n = shifted - 12582912.0f;
  const float r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts: n times the first is exact
  float p = 1.979029767e-04f;
  p = p * r + 1.394470339e-03f;
  p = p * r + 8.333497681e-03f;
  p = p * r + 4.166629538e-02f;
  p = p * r + 1.666666567e-01f;
  p = p * r + 0.5f;
  p = (p * r * r + r) + 1.0f;
  return p * std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) << 23) + 0x3f800000u);
}

}  // namespace

double log_sum(std::span<const float> logits, float highest) {
  float powers[kRun];
  double sums[kRun] = {};
  for (; logits.size() >= kRun; logits = logits.subspan(kRun)) {
    for (size_t i = 0; i < kRun; ++i) powers[i] = exponential(logits[i] - highest);
    for (size_t i = 0; i < kRun; ++i) sums[i] += static_cast<double>(powers[i]);
  }
  for (size_t i = 0; i < logits.size(); ++i) sums[i] += static_cast<double>(exponential(logits[i] - highest));
  double sum = 0;
  for (const double part : sums) sum += part;
  return std::log(sum);
}

}  // namespace fluxmlx::sample
