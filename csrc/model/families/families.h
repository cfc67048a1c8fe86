#pragma once

#include "model/config.h"

// One architecture each.
namespace fluxmlx::model {

extern const Family kCohere2, kGemma, kGemma2, kGemma3, kGranite, kLlama, kMistral3, kOlmo2, kPhi3, kQwen2, kQwen3,
    kSmollm3;

}  // namespace fluxmlx::model
