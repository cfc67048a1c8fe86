#include "model/families/families.h"

namespace fluxmlx::model {

// Also Qwen2.5: the plain decoder; biases on q, k and v come as tensors.
const Family kQwen2 = {"qwen2", [](const Keys&, Config&) {}};

const Family kQwen3 = {"qwen3", [](const Keys&, Config& config) { config.head_norm = HeadNorm::each; }};

}  // namespace fluxmlx::model
