#include "quant/encode/fit.h"

#include <algorithm>
#include <cmath>

#include "quant/encode/lanes.h"

namespace fluxmlx::quant {
namespace {

constexpr float kLeast = 0x1p-60f;  // float16 holds no scale of groups below this
constexpr int kSteps = 12;          // trials on each side of the extreme's own code, a tenth of a code apart
constexpr int kRounds = 3;          // codes for a scale, then the best scale for these codes

struct Sums {
  float x_q, q_q, q, x;
};

// Of the nearest codes to (x + offset) * inverse.
Sums sums_of(const float* x, int n, float inverse, float offset, Codes codes) noexcept {
  Lanes x_q, q_q, sum_q, sum_x;
  for (int i = 0; i < n; i += kLanes) {
    const Lanes values = load(x + i);
    const Lanes q = nearest(clamp((values + offset) * inverse, codes.low, codes.high));
    x_q += values * q;
    q_q += q * q;
    sum_q += q;
    sum_x += values;
  }
  return {x_q.sum(), q_q.sum(), sum_q.sum(), sum_x.sum()};
}

// The best line for given codes, by least squares.
Line best_line(const Sums& s, int n, bool clamped) noexcept {
  const float count = static_cast<float>(n);
  const float determinant = count * s.q_q - s.q * s.q;
  if (determinant <= 0) return {};
  const Line line{(count * s.x_q - s.x * s.q) / determinant, (s.q * s.x_q - s.q_q * s.x) / determinant};
  if (!clamped || line.offset >= 0) return line;
  return {s.x_q / s.q_q, 0};
}

// Improves a line by turns until that ends, and keeps the best one seen.
void improve(const float* x, int n, Codes codes, bool clamped, Line line, Line& best, float& least) noexcept {
  for (int round = 0; round < kRounds; ++round) {
    line = best_line(sums_of(x, n, inverse(line.scale), line.offset, codes), n, clamped);
    const float error = error_of(x, n, line, codes);
    if (!(error < least)) return;
    least = error;
    best = line;
  }
}

}  // namespace

Extremes extremes(const float* x, int n) noexcept {
  Extremes found;
  for (int i = 0; i < n; ++i) {
    found.least = std::min(found.least, x[i]);
    found.greatest = std::max(found.greatest, x[i]);
  }
  found.furthest = -found.least > found.greatest ? found.least : found.greatest;
  return found;
}

float fit_scale(const float* x, int n, Codes codes) noexcept {
  const float furthest = extremes(x, n).furthest;
  if (std::fabs(furthest) < kLeast) return 0;
  float best = 0;
  float gain = 0;  // how much of the sum of squares a scale explains
  for (const float end : {codes.low, codes.high}) {
    for (int step = -kSteps; step <= kSteps; ++step) {
      const Sums s = sums_of(x, n, (end + 0.1f * static_cast<float>(step)) / furthest, 0, codes);
      if (s.q_q <= 0 || s.x_q * s.x_q <= gain * s.q_q) continue;
      gain = s.x_q * s.x_q / s.q_q;
      best = s.x_q / s.q_q;
    }
  }
  for (int round = 0; round < kRounds && best != 0; ++round) {
    const Sums s = sums_of(x, n, inverse(best), 0, codes);
    if (s.q_q > 0) best = s.x_q / s.q_q;
  }
  return best;
}

Line fit_line(const float* x, int n, float high, bool clamped) noexcept {
  const Extremes ends = extremes(x, n);
  float least = ends.least;
  float greatest = ends.greatest;
  if (!clamped) {
    least = *std::min_element(x, x + n);
    greatest = *std::max_element(x, x + n);
  }
  const float spread = greatest - least;
  const Codes codes{0, high};
  Line best{0, -least};
  float error = error_of(x, n, best, codes);
  if (spread < kLeast) return best;
  for (int step = -kSteps; step <= kSteps; ++step) {
    const Line trial{spread / (high + 0.1f * static_cast<float>(step)), -least};
    improve(x, n, codes, clamped, trial, best, error);
  }
  return best;
}

float error_of(const float* x, int n, Line line, Codes codes) noexcept {
  const float factor = inverse(line.scale);
  Lanes total;
  for (int i = 0; i < n; i += kLanes) {
    const Lanes values = load(x + i);
    const Lanes q = nearest(clamp((values + line.offset) * factor, codes.low, codes.high));
    const Lanes error = values - (q * line.scale - line.offset);
    total += error * error;
  }
  return total.sum();
}

void write_codes(const float* x, int n, Line line, Codes codes, uint8_t* q) noexcept {
  const float factor = inverse(line.scale);
  for (int i = 0; i < n; ++i) {
    const float code = nearest(clamp((x[i] + line.offset) * factor, codes.low, codes.high));
    q[i] = static_cast<uint8_t>(static_cast<int>(code - codes.low));
  }
}

}  // namespace fluxmlx::quant
