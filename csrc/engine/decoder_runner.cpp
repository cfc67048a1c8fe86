#include "engine/decoder_runner.h"

#include "array/functions.h"

namespace fluxmlx::engine {

DecoderRunner::~DecoderRunner() {
  logits_ = Array();
  decoder_.reset();
  if (on_gpu_) mx::clear_cache();  // on a CPU it holds little, and would wait for the streams of every engine
}

const float* DecoderRunner::run(const model::Batch& batch, std::span<const int32_t> rows) {
  const Array hidden = decoder_->forward(batch);
  logits_ = rows.empty() ? Array() : decoder_->logits(hidden, rows);  // (len(rows), n_vocab)
  mx::eval(rows.empty() ? hidden : logits_);
  return rows.empty() ? nullptr : logits_.data_f32();
}

}  // namespace fluxmlx::engine
