#pragma once

#include <string>

#include "load/loader.h"
#include "model/keys.h"

namespace fluxmlx::model {

// Rotary positions as a file describes them: pair i of a head turns by position / (base^(2 i / n_rot) * divisor[i] *
// factor), where YaRN lets the fast pairs keep their speed.
struct RopePlan {
  int n_rot = 0;
  bool interleaved = false;  // pairs (2i, 2i+1), else (i, i + n_rot / 2)
  float base = 10000;
  float factor = 1;          // positions are divided by it
  float magnitude = 1;       // of rotated queries and keys
  int original_context = 0;  // positions before the model was stretched
  bool yarn = false;         // pairs below ramp_begin ignore the factor, those above ramp_end obey it
  float ramp_begin = 0, ramp_end = 0;
  bool has_long_divisors = false;  // one list of divisors up to original_context, and one for longer contexts
};

// YaRN's ramp lies between whole pairs, unless `fractions`.
RopePlan read_rope(const Keys& keys, int head_dim, bool fractions);

// The same before the context was stretched.
RopePlan unstretched(const RopePlan& plan);

// The divisors come from the file's tensors, as a context of n_ctx positions wants them.
ops::Rope load_rope(const RopePlan& plan, load::Loader& loader, int n_ctx);

}  // namespace fluxmlx::model
