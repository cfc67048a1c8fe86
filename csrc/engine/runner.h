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
  virtual int n_embd() const noexcept = 0;

  struct Outputs {
    const float* logits;  // (len(rows), n_vocab)
    const float* states;  // (len(state_rows), n_embd): what the logits of a row are made from
  };

  // Runs the batch; its caches then hold the new rows. -> what is wanted of these of its rows, valid until the next
  // call.
  virtual Outputs run(const model::Batch& batch, std::span<const int32_t> rows,
                      std::span<const int32_t> state_rows) = 0;
};

}  // namespace fluxmlx::engine
