#pragma once

#include <memory>

#include "checkpoint/checkpoint.h"

namespace fluxmlx::bind {

// What Python holds of a checkpoint; an engine that loads it shares it.
struct CheckpointRef {
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint;
};

}  // namespace fluxmlx::bind
