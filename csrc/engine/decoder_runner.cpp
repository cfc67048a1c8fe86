#include "engine/decoder_runner.h"

#include "array/functions.h"

namespace fluxmlx::engine {

DecoderRunner::~DecoderRunner() {
  logits_ = states_ = Array();
  decoder_.reset();
  if (on_gpu_) mx::clear_cache();  // on a CPU it holds little, and would wait for the streams of every engine
}

Runner::Outputs DecoderRunner::run(const model::Batch& batch, std::span<const int32_t> rows,
                                   std::span<const int32_t> state_rows) {
  const Array hidden = decoder_->forward(batch);
  logits_ = rows.empty() ? Array() : decoder_->logits(hidden, rows);
  states_ = state_rows.empty() ? Array() : decoder_->normed(hidden, state_rows);
  mx::eval(logits_ ? logits_ : states_ ? states_ : hidden);
  if (logits_ && states_) mx::eval(states_);
  return {logits_ ? logits_.data_f32() : nullptr, states_ ? states_.data_f32() : nullptr};
}

}  // namespace fluxmlx::engine
