#pragma once

#include "model/config.h"

// One architecture each.
namespace fluxmlx::model {

extern const Family kGemma, kGemma2, kGemma3, kLlama, kPhi3, kQwen2, kQwen3;

}  // namespace fluxmlx::model
