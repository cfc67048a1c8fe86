#pragma once

#include <chrono>
#include <memory>
#include <span>

#include "cache/kv_cache.h"
#include "engine/handle.h"
#include "engine/options.h"
#include "engine/request.h"
#include "engine/speculation.h"
#include "engine/stop_matcher.h"
#include "engine/utf8_buffer.h"
#include "sample/sampler.h"

namespace fluxmlx::engine {

using Clock = std::chrono::steady_clock;

// One request while it runs: its tokens so far, its cache, its sampler, and the text on its way out.
class Sequence {
 public:
  Sequence(Request request, std::shared_ptr<Handle> handle, const Options& options, const Vocabulary& vocabulary,
           std::unique_ptr<cache::KvCache> cache, Clock::time_point submitted);

  const Request& request() const noexcept { return request_; }
  Handle& handle() noexcept { return *handle_; }
  cache::KvCache& cache() noexcept { return *cache_; }

  // What it gives to the next step. Tokens that the cache does not hold yet, at most `limit`: a piece of the prompt,
  // or the last token, and behind that up to `n_guesses` guessed ones. Valid until accept().
  std::span<const int32_t> next_rows(int limit, int n_guesses);
  bool in_prompt() const noexcept { return cache_->length() < static_cast<int>(request_.prompt.size()); }

  // Which of the `count` rows to be computed need logits: the last token, guesses, and every one of a scored prompt.
  std::vector<int32_t> rows_wanted(int count) const;

  // Takes the logits (len(rows), n_vocab) of those rows, after the cache has advanced over `count` rows.
  void accept(std::span<const int32_t> rows, int count, const float* logits);

  Usage usage() const noexcept;

  bool finished() const noexcept { return finished_; }
  bool failed() const noexcept { return failed_; }
  void fail(const Error& error) noexcept;

 private:
  int n_chosen() const noexcept { return static_cast<int>(tokens_.size() - request_.prompt.size()); }
  int n_left() const noexcept;
  void take_row(int position, std::span<const float> logits);
  void score_row(int position, std::span<const float> logits);
  void choose(std::span<const float> logits);
  sample::Choice sample(std::span<const float> logits, std::span<const int32_t> banned);
  void emit(sample::Choice choice);
  void finish(const std::string& reason, const std::string& stop_string, std::string text);
  bool ends_answer(int32_t token) const;

  Request request_;
  std::shared_ptr<Handle> handle_;
  const Options& options_;
  const Vocabulary& vocabulary_;
  std::unique_ptr<cache::KvCache> cache_;
  sample::Sampler sampler_;
  StopMatcher stops_;
  Utf8Buffer text_;
  std::vector<int32_t> tokens_;   // prompt, then what was chosen
  std::vector<int32_t> rows_;     // what this step reads
  std::vector<int32_t> end_ids_;  // end this request's answer
  std::unique_ptr<Speculation> speculation_;
  std::vector<sample::Choice> prompt_logprobs_;
  Clock::time_point submitted_, started_, prompt_done_;
  bool finished_ = false;
  bool failed_ = false;
  std::vector<float> processed_;  // (n_vocab,) what the request's processor made of the logits
};

}  // namespace fluxmlx::engine
