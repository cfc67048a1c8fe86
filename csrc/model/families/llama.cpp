#include "model/families/families.h"

namespace fluxmlx::model {

namespace {

// Llama 2 and 3, Mistral, SmolLM2, TinyLlama, Yi: the plain decoder, pairs of a head next to each other. With experts:
// Mixtral.
void describe(const Keys& keys, Config& config) {
  config.ropes[0].interleaved = true;
  config.experts = read_experts(keys, config);
}

}  // namespace

const Family kLlama = {"llama", describe};

}  // namespace fluxmlx::model
