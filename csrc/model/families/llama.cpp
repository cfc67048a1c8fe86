#include "model/families/families.h"

namespace fluxmlx::model {

// Llama 2 and 3, Mistral, SmolLM2, TinyLlama, Yi: the plain decoder, pairs of a head next to each other.
const Family kLlama = {"llama", [](const Keys&, Config& config) { config.ropes[0].interleaved = true; }};

}  // namespace fluxmlx::model
