#pragma once

#include <cstdint>
#include <span>

#include "model/batch.h"

namespace fluxmlx::engine {

// The forward pass, as the scheduler sees it. Used, and destroyed, by the engine's thread.
class Runner {
 public:
  virtual ~Runner() = default;

  virtual int n_vocab() const noexcept = 0;

  // Runs the batch; its caches then hold the new rows. -> logits (len(rows), n_vocab) of these of its rows, valid until
  // the next call.
  virtual const float* run(const model::Batch& batch, std::span<const int32_t> rows) = 0;
};

}  // namespace fluxmlx::engine
