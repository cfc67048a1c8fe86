#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace fluxmlx::model {
namespace {

float logarithmic(float factor, float multiplier) {
  return factor <= 1 ? 1.0f : 0.1f * multiplier * std::log(factor) + 1.0f;
}

// The pair that turns so often over the original context.
double pair_of_turns(const RopePlan& plan, double turns) {
  const double positions_per_radian = plan.original_context / (turns * 2 * std::numbers::pi);
  return plan.n_rot * std::log(positions_per_radian) / (2 * std::log(static_cast<double>(plan.base)));
}

void read_yarn(const Keys& keys, RopePlan& plan, bool fractions) {
  plan.yarn = true;
  if (plan.original_context < 1) {
    keys.bad("rope.scaling.original_context_length", "is missing", "the context before YaRN");
  }
  const double begin = pair_of_turns(plan, keys.real_or("rope.scaling.yarn_beta_fast", 32, 1e-3, 1e6));
  const double end = pair_of_turns(plan, keys.real_or("rope.scaling.yarn_beta_slow", 1, 1e-3, 1e6));
  plan.ramp_begin = static_cast<float>(std::max(0.0, fractions ? begin : std::floor(begin)));
  plan.ramp_end = static_cast<float>(std::min(plan.n_rot - 1.0, fractions ? end : std::ceil(end)));
  if (keys.real_or("rope.scaling.yarn_ext_factor", 1, -1e6, 1e6) != 1) {
    keys.unsupported("rope.scaling.yarn_ext_factor", "is not 1", "1");
  }
  plan.magnitude = logarithmic(plan.factor, 1) * keys.real_or("rope.scaling.yarn_attn_factor", 1, 1e-6, 1e6);
  const float multiplier = keys.real_or("rope.scaling.yarn_log_multiplier", 0, 0, 1e6);
  if (multiplier != 0) plan.magnitude /= logarithmic(plan.factor, multiplier);
}

void read_scaling(const Keys& keys, RopePlan& plan, bool fractions) {
  const std::string type = keys.text_or("rope.scaling.type", keys.has("rope.scaling.type") ? "" : "linear");
  const char* name = keys.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  const float factor = keys.real_or(name, 1, 1e-6, 1e6);
  plan.original_context = keys.integer_or("rope.scaling.original_context_length", 0, 0, INT32_MAX);
  plan.magnitude = 1;
  if (type == "linear" || type == "yarn") plan.factor = factor;
  if (type == "yarn") {
    read_yarn(keys, plan, fractions);
  } else if (type != "none" && type != "linear" && type != "longrope") {
    keys.unsupported("rope.scaling.type", concat("is '", type.substr(0, 64), "'"),
                     "none, linear, yarn, longrope and the frequency table of Llama 3");
  }
  plan.magnitude *= keys.real_or("rope.scaling.attn_factor", 1, 1e-6, 1e6);
}

constexpr const char* kLongDivisors = "rope_factors_long.weight";
constexpr const char* kShortDivisors = "rope_factors_short.weight";

const char* divisors_of(const RopePlan& plan, int n_ctx) {
  if (!plan.has_long_divisors) return "rope_freqs.weight";
  return n_ctx > plan.original_context ? kLongDivisors : kShortDivisors;
}

// What of the factor pair i obeys.
double obedience(const RopePlan& plan, int i) {
  if (!plan.yarn) return 1;
  const double width = std::max(0.001, static_cast<double>(plan.ramp_end) - plan.ramp_begin);
  return std::clamp((i - plan.ramp_begin) / width, 0.0, 1.0);
}

}  // namespace

RopePlan read_rope(const Keys& keys, int head_dim, bool fractions) {
  RopePlan plan;
  plan.n_rot = keys.integer_or("rope.dimension_count", head_dim, 2, head_dim);
  if (plan.n_rot % 2 != 0) keys.bad("rope.dimension_count", concat("is ", plan.n_rot), "an even number");
  plan.base = keys.real_or("rope.freq_base", 10000, 1e-3, 1e15);
  read_scaling(keys, plan, fractions);
  return plan;
}

RopePlan unstretched(const RopePlan& plan) {
  RopePlan result;
  result.n_rot = plan.n_rot;
  result.interleaved = plan.interleaved;
  result.base = plan.base;
  return result;
}

ops::Rope load_rope(const RopePlan& plan, load::Loader& loader, int n_ctx) {
  const int n_pairs = plan.n_rot / 2;
  const char* name = divisors_of(plan, n_ctx);
  for (const char* other : {kLongDivisors, kShortDivisors}) loader.skip(other);
  std::vector<float> divisors(static_cast<size_t>(n_pairs), 1.0f);
  if (plan.has_long_divisors || loader.has(name)) divisors = loader.floats(name, n_pairs);
  std::vector<float> inv_freq, wavelength;
  for (int i = 0; i < n_pairs; ++i) {
    if (!(std::isfinite(divisors[i]) && divisors[i] > 0)) {
      fail(ErrorCode::invalid_file, name, "[", i, "] is ", divisors[i], "; expected a positive number");
    }
    const double length = std::pow(static_cast<double>(plan.base), 2.0 * i / plan.n_rot) * divisors[i];
    const double share = obedience(plan, i);
    const double frequency = share / (length * plan.factor) + (1 - share) / length;
    inv_freq.push_back(static_cast<float>(frequency));
    wavelength.push_back(static_cast<float>(1 / frequency));
  }
  return {plan.n_rot, plan.interleaved, plan.magnitude, Array::from(inv_freq, {n_pairs}),
          Array::from(wavelength, {n_pairs})};
}

}  // namespace fluxmlx::model
