#include "sample/log_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/exponential.h"

namespace fluxmlx::sample {
namespace {

constexpr size_t kRun = 64;  // logits that are looked at together, each with a sum of its own

// The greater of x and -87, for x <= 0. By their bits, of which greater ones are lower numbers: a comparison of floats
// may trap, which keeps compilers from making vectors of it.
float at_least_87_below(float x) {
  return std::bit_cast<float>(std::min(std::bit_cast<uint32_t>(x), std::bit_cast<uint32_t>(-87.0f)));
}

// e^x for x <= 0, and 2e-38 for what is below -87.
float power(float x) {
  using namespace exponential;  // NOLINT: its numbers, and nothing else
  const float bounded = at_least_87_below(x);
  const float shifted = bounded * kPerLn2 + kRound;
  const float n = shifted - kRound;
  const float r = (bounded - n * kLn2High) - n * kLn2Low;
  const float p = ((((kP5 * r + kP4) * r + kP3) * r + kP2) * r + kP1) * r + kP0;
  const float power_of_two = std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) << 23) + 0x3f800000u);
  return ((p * r * r + r) + 1.0f) * power_of_two;
}

}  // namespace

double log_sum(std::span<const float> logits, float highest) {
  float powers[kRun];
  double sums[kRun] = {};
  for (; logits.size() >= kRun; logits = logits.subspan(kRun)) {
    for (size_t i = 0; i < kRun; ++i) powers[i] = power(logits[i] - highest);
    for (size_t i = 0; i < kRun; ++i) sums[i] += static_cast<double>(powers[i]);
  }
  for (size_t i = 0; i < logits.size(); ++i) sums[i] += static_cast<double>(power(logits[i] - highest));
  double sum = 0;
  for (const double part : sums) sum += part;
  return std::log(sum);
}

}  // namespace fluxmlx::sample
