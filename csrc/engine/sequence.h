#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>

#include "cache/kv_cache.h"
#include "engine/queue.h"
#include "engine/speculation.h"
#include "engine/stop_matcher.h"
#include "engine/utf8_buffer.h"
#include "sample/sampler.h"

namespace fluxmlx::engine {

// One request while it runs: its tokens so far, its cache, its sampler, and the text on its way out.
class Sequence {
 public:
  // The cache may hold a beginning of the prompt already, but not all of it.
  Sequence(Submitted submitted, const Options& options, const Vocabulary& vocabulary,
           std::unique_ptr<cache::KvCache> cache);

  const Request& request() const noexcept { return request_; }
  Handle& handle() noexcept { return *handle_; }
  cache::KvCache& cache() noexcept { return *cache_; }
  std::span<const int32_t> tokens() const noexcept { return tokens_; }  // prompt and answer; the cache has the first

  // Whether it takes part in no step yet, because another sequence is about to read what it needs.
  bool waits() const noexcept { return waits_; }
  void set_waiting(bool waits) noexcept { waits_ = waits; }

  // The cache has been given tokens that were not read for this sequence. -> how many of the prompt
  int count_cached() noexcept;

  // What it gives to the next step: of the pending tokens at most `limit`, and behind a single one up to `n_guesses`
  // guessed ones. Valid until accept().
  std::span<const int32_t> next_rows(int limit, int n_guesses);

  int n_tokens() const noexcept { return static_cast<int>(tokens_.size()); }  // of the prompt and the answer so far

  // Tokens that the cache does not hold yet, at least one. One that has a single such token writes, others read.
  int n_pending() const noexcept { return static_cast<int>(tokens_.size()) - cache_->length(); }
  bool reads() const noexcept { return n_pending() > 1; }
  bool scores_prompt() const noexcept { return request_.prompt_logprobs >= 0 && n_unscored() > 0; }

  // Whether it wants the states of its rows, for an embedding, and not their logits.
  bool embeds() const noexcept { return request_.pooling != Pooling::none; }

  // Whether the prompt has to be computed from its beginning, whatever is known of it already.
  bool wants_every_row() const noexcept { return scores_prompt() || request_.pooling == Pooling::mean; }

  // Which of the `count` rows to be computed are wanted: the last token, guesses, and those that score the prompt or
  // are part of a mean.
  std::vector<int32_t> rows_wanted(int count) const;

  // Takes the logits (len(rows), n_vocab) of those rows, or their states (len(rows), n_embd), after the cache has
  // advanced over `count` rows.
  void accept(std::span<const int32_t> rows, int count, std::span<const float> values);

  Usage usage() const noexcept;

  // Goes on with another cache, which holds less: the rest is read again, and nothing of the answer changes. Between
  // two steps only.
  void restart(std::unique_ptr<cache::KvCache> cache) noexcept { cache_ = std::move(cache); }

  bool finished() const noexcept { return finished_; }
  bool failed() const noexcept { return failed_; }
  void fail(const Error& error) noexcept;

 private:
  int n_chosen() const noexcept { return static_cast<int>(tokens_.size() - request_.prompt.size()); }
  int n_left() const noexcept;
  int n_unscored() const noexcept;
  bool wants_row(int position) const noexcept;
  void take_row(int position, std::span<const float> values);
  void take_state(int position, std::span<const float> state);
  void score_row(int position, std::span<const float> logits);
  void choose(std::span<const float> logits);
  sample::Choice sample(std::span<const float> logits, std::span<const int32_t> banned);
  void emit(sample::Choice choice);
  void finish(const std::string& reason, const std::string& stop_string, std::string text,
              sample::Choice ended_by = no_token());
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
  Pooled pooled_;
  Clock::time_point submitted_, started_;
  std::optional<Clock::time_point> prompt_done_;
  int n_cached_ = 0;  // tokens of the prompt that were there when it began
  bool waits_ = false;
  bool has_begun_ = false;
  bool finished_ = false;
  bool failed_ = false;
  std::vector<float> processed_;  // (n_vocab,) what the request's processor made of the logits
};

}  // namespace fluxmlx::engine
