#pragma once

#include <memory>

#include "engine/runner.h"
#include "model/decoder.h"

namespace fluxmlx::engine {

// Evaluates a decoder's graph, on whatever device its ops have.
class DecoderRunner final : public Runner {
 public:
  DecoderRunner(std::unique_ptr<model::Decoder> decoder, bool on_gpu) : decoder_(std::move(decoder)), on_gpu_(on_gpu) {}
  ~DecoderRunner() override;

  int n_vocab() const noexcept override { return decoder_->config().n_vocab; }
  int n_embd() const noexcept override { return decoder_->config().n_embd; }
  Outputs run(const model::Batch& batch, std::span<const int32_t> rows, std::span<const int32_t> state_rows) override;

 private:
  std::unique_ptr<model::Decoder> decoder_;
  bool on_gpu_;
  Array logits_, states_;
};

}  // namespace fluxmlx::engine
