#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

// Ministral 3: Llama's shape with YaRN, and queries that grow with the position.
void describe(const Keys& keys, Config& config) {
  RopePlan& rope = config.ropes[0];
  rope.interleaved = true;
  config.query_scale.beta = keys.real_or("attention.temperature_scale", 0, 0, 1e3);
  if (config.query_scale.beta == 0) return;
  const int length = keys.integer_or("attention.temperature_length", rope.original_context, 0, INT32_MAX);
  if (length == 0) keys.bad("rope.scaling.original_context_length", "is missing", "where queries begin to grow");
  config.query_scale.length = length;
}

}  // namespace

const Family kMistral3 = {"mistral3", describe};

}  // namespace fluxmlx::model
