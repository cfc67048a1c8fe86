#pragma once

#include "model/config.h"

// One architecture each.
namespace fluxmlx::model {

extern const Family kCohere2, kGemma, kGemma2, kGemma3, kGptOss, kGranite, kLlama, kMistral3, kOlmo2, kPhi3, kQwen2,
    kQwen2Moe, kQwen3, kQwen3Moe, kSmollm3;

}  // namespace fluxmlx::model
