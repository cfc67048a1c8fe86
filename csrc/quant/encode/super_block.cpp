#include "quant/encode/super_block.h"

#include <cmath>

#include "quant/encode/lanes.h"

namespace fluxmlx::quant {
namespace {

constexpr int kRounds = 3;

// What each group would have for itself.
struct Wishes {
  Line line[kMostGroups];
};

Line simple_line(const float* x, int n, const SuperFormat& format) noexcept {
  const Extremes ends = extremes(x, n);
  if (!format.has_offset) return {ends.furthest / format.codes.low, 0};
  return {(ends.greatest - ends.least) / format.codes.high, -ends.least};
}

Line fitted_line(const float* x, int n, const SuperFormat& format) noexcept {
  if (format.has_offset) return fit_line(x, n, format.codes.high, true);
  return {fit_scale(x, n, format.codes), 0};
}

template <class Fit>
Wishes wishes_of(const float* x, const SuperFormat& format, Fit fit) noexcept {
  const int n = kSuperBlock / format.n_groups;
  Wishes wishes;
  for (int group = 0; group < format.n_groups; ++group) wishes.line[group] = fit(x + group * n, n, format);
  return wishes;
}

float whole(float value, float by, Codes range) noexcept {
  return nearest(clamp(value * inverse(by), range.low, range.high));
}

// The scales for all, such that the greatest of the groups' own becomes the end of its range.
SuperBlock scales_for(const Wishes& wishes, const SuperFormat& format) noexcept {
  float furthest = 0;
  float offset = 0;
  for (int group = 0; group < format.n_groups; ++group) {
    const Line& line = wishes.line[group];
    if (std::fabs(line.scale) > std::fabs(furthest)) furthest = line.scale;
    offset = std::fmax(offset, line.offset);
  }
  SuperBlock block;
  block.scale = to_half(furthest / (format.has_offset ? format.scales.high : format.scales.low));
  block.offset = to_half(offset / format.scales.high);
  return block;
}

// Of the whole numbers `reach` around those that are wished for, the best for the group.
float choose(const float* x, int n, Line wish, int group, const SuperFormat& format, int reach,
             SuperBlock& block) noexcept {
  const float scale = whole(wish.scale, block.scale.value, format.scales);
  const float offset = whole(wish.offset, block.offset.value, format.scales);
  const int offset_reach = format.has_offset ? reach : 0;
  float least = INFINITY;
  SuperBlock trial = block;
  for (int i = -reach; i <= reach; ++i) {
    for (int j = -offset_reach; j <= offset_reach; ++j) {
      trial.scales[group] = clamp(scale + static_cast<float>(i), format.scales.low, format.scales.high);
      trial.offsets[group] = clamp(offset + static_cast<float>(j), 0, format.scales.high);
      const float error = error_of(x, n, trial.line(group), format.codes);
      if (!(error < least)) continue;
      least = error;
      block.scales[group] = trial.scales[group];
      block.offsets[group] = trial.offsets[group];
    }
  }
  return least;
}

// Groups' own numbers under the scales that the block has.
void choose_all(const float* x, const Wishes& wishes, const SuperFormat& format, int reach,
                SuperBlock& block) noexcept {
  const int n = kSuperBlock / format.n_groups;
  block.error = 0;
  for (int group = 0; group < format.n_groups; ++group) {
    block.error += choose(x + group * n, n, wishes.line[group], group, format, reach, block);
  }
}

// The scales for all that are best for the codes that the block has now, by least squares.
void refit(const float* x, const SuperFormat& format, SuperBlock& block) noexcept {
  const int n = kSuperBlock / format.n_groups;
  uint8_t q[kSuperBlock];
  write_codes(x, block, format, q);
  double a_a = 0, a_b = 0, b_b = 0, x_a = 0, x_b = 0;  // x is near scale * a - offset * b
  for (int i = 0; i < kSuperBlock; ++i) {
    const double a = block.scales[i / n] * (static_cast<float>(q[i]) + format.codes.low);
    const double b = block.offsets[i / n];
    a_a += a * a;
    a_b += a * b;
    b_b += b * b;
    x_a += x[i] * a;
    x_b += x[i] * b;
  }
  const double determinant = a_a * b_b - a_b * a_b;
  if (b_b > 0 && determinant > 1e-9 * a_a * b_b) {
    block.scale = to_half(static_cast<float>((x_a * b_b - x_b * a_b) / determinant));
    block.offset = to_half(static_cast<float>((x_a * a_b - x_b * a_a) / determinant));
  } else if (a_a > 0) {
    block.scale = to_half(static_cast<float>((x_a + block.offset.value * a_b) / a_a));
  }
}

}  // namespace

SuperBlock fit_super_block(const float* x, const SuperFormat& format) noexcept {
  const Wishes simple = wishes_of(x, format, simple_line);
  SuperBlock best;  // all zeros
  choose_all(x, simple, format, 0, best);
  SuperBlock trial = scales_for(simple, format);
  choose_all(x, simple, format, 0, trial);
  if (trial.error < best.error) best = trial;
  const Wishes wishes = wishes_of(x, format, fitted_line);
  trial = scales_for(wishes, format);
  for (int round = 0; round < kRounds; ++round) {
    choose_all(x, wishes, format, 1, trial);
    if (trial.error < best.error) best = trial;
    refit(x, format, trial);
  }
  return best;
}

void write_codes(const float* x, const SuperBlock& block, const SuperFormat& format, uint8_t* q) noexcept {
  const int n = kSuperBlock / format.n_groups;
  for (int group = 0; group < format.n_groups; ++group) {
    write_codes(x + group * n, n, block.line(group), format.codes, q + group * n);
  }
}

void encode_super_blocks(const float* values, int64_t n, const SuperFormat& format, int block_bytes, std::byte* out,
                         WriteBlock write) noexcept {
  for (const float* x = values; x != values + n; x += kSuperBlock, out += block_bytes) {
    const SuperBlock block = fit_super_block(x, format);
    uint8_t q[kSuperBlock];
    write_codes(x, block, format, q);
    write(block, q, reinterpret_cast<uint8_t*>(out));
  }
}

}  // namespace fluxmlx::quant
