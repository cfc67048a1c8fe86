#include "engine/sequence.h"

#include <algorithm>

#include "engine/lookup_draft.h"

namespace fluxmlx::engine {
namespace {

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

std::vector<int32_t> end_ids(const Request& request, const Vocabulary& vocabulary) {
  std::vector<int32_t> ids = request.stop_token_ids;
  if (!request.ignore_eos) ids.insert(ids.end(), vocabulary.end_ids.begin(), vocabulary.end_ids.end());
  return ids;
}

std::unique_ptr<Speculation> speculation(const Request& request, const Options& options) {
  if (!request.speculation.value_or(options.speculation.value_or(false))) return nullptr;
  return std::make_unique<Speculation>(std::make_unique<LookupDraft>());
}

}  // namespace

Sequence::Sequence(Submitted submitted, const Options& options, const Vocabulary& vocabulary,
                   std::unique_ptr<cache::KvCache> cache)
    : request_(std::move(submitted.request)),
      handle_(std::move(submitted.handle)),
      options_(options),
      vocabulary_(vocabulary),
      cache_(std::move(cache)),
      sampler_(request_.sampling, static_cast<int>(vocabulary.token_bytes.size())),
      stops_(request_.stop),
      tokens_(request_.prompt),
      end_ids_(end_ids(request_, vocabulary)),
      speculation_(speculation(request_, options)),
      pooled_(request_.pooling),
      submitted_(submitted.time),
      started_(Clock::now()) {}

std::span<const int32_t> Sequence::next_rows(int limit, int n_guesses) {
  has_begun_ = true;
  const auto pending = std::span(tokens_).subspan(static_cast<size_t>(cache_->length()));
  const auto now = pending.first(std::min(pending.size(), static_cast<size_t>(limit)));
  rows_.assign(now.begin(), now.end());
  if (speculation_ && !reads()) {
    // The token behind the last guess must have room too.
    const std::vector<int32_t> guesses = speculation_->propose(tokens_, std::min(n_guesses, n_left() - 1));
    rows_.insert(rows_.end(), guesses.begin(), guesses.end());
  }
  return rows_;
}

// Each prompt token but the first is scored, by the row before it.
int Sequence::n_unscored() const noexcept {
  return static_cast<int>(request_.prompt.size()) - 1 - static_cast<int>(prompt_logprobs_.size());
}

std::vector<int32_t> Sequence::rows_wanted(int count) const {
  std::vector<int32_t> rows;
  for (int i = 0; i < count; ++i) {
    if (wants_row(cache_->length() + i)) rows.push_back(i);
  }
  return rows;
}

bool Sequence::wants_row(int position) const noexcept {
  if (position + 1 >= static_cast<int>(tokens_.size())) return true;
  if (request_.pooling == Pooling::mean) return position >= pooled_.size();
  const bool in_prompt = position + 1 < static_cast<int>(request_.prompt.size());
  return request_.prompt_logprobs >= 0 && in_prompt && position >= static_cast<int>(prompt_logprobs_.size());
}

void Sequence::accept(std::span<const int32_t> rows, int count, std::span<const float> values) {
  const int begin = cache_->length() - count;
  const size_t width = rows.empty() ? 0 : values.size() / rows.size();
  if (!prompt_done_ && cache_->length() >= static_cast<int>(request_.prompt.size())) prompt_done_ = Clock::now();
  const int n_known = static_cast<int>(tokens_.size());
  for (size_t i = 0; i < rows.size() && !finished_; ++i) {
    const int position = begin + rows[i];
    // A row that read a wrong guess says nothing, nor do those behind it.
    if (rows_[rows[i]] != tokens_[position]) break;
    if (position >= n_known) speculation_->confirm();
    take_row(position, values.subspan(i * width, width));
  }
  if (speculation_ && begin + 1 == n_known) cache_->truncate(n_known + speculation_->end_step());
}

void Sequence::take_row(int position, std::span<const float> values) {
  if (embeds()) {
    take_state(position, values);
  } else if (position + 1 < static_cast<int>(tokens_.size())) {
    score_row(position, values);
  } else if (n_left() <= 0) {
    finish("length", "", "");
  } else {
    choose(values);
  }
}

void Sequence::take_state(int position, std::span<const float> state) {
  pooled_.add(state);
  if (position + 1 == static_cast<int>(tokens_.size())) finish("stop", "", "");
}

// The logits at a position are about the token that follows it.
void Sequence::score_row(int position, std::span<const float> logits) {
  prompt_logprobs_.push_back(sample::logprob_of(logits, tokens_[position + 1], request_.prompt_logprobs));
}

void Sequence::choose(std::span<const float> logits) {
  const bool too_early = n_chosen() < request_.min_tokens;
  sample::Choice choice = sample(logits, too_early ? std::span<const int32_t>(end_ids_) : std::span<const int32_t>());
  if (ends_answer(choice.token)) return finish("stop", "", stops_.flush(), std::move(choice));
  emit(std::move(choice));
}

// Log-probabilities are the model's own, whatever a processor makes of the logits.
sample::Choice Sequence::sample(std::span<const float> logits, std::span<const int32_t> banned) {
  if (!request_.logits_processor) return sampler_.sample(logits, tokens_, tokens_.size(), banned);
  processed_.assign(logits.begin(), logits.end());
  request_.logits_processor(tokens_, processed_);
  sample::Choice choice = sampler_.sample(processed_, tokens_, tokens_.size(), banned);
  const int n_logprobs = request_.sampling.n_logprobs;
  return n_logprobs < 0 ? choice : sample::logprob_of(logits, choice.token, n_logprobs);
}

bool Sequence::ends_answer(int32_t token) const {
  return std::find(end_ids_.begin(), end_ids_.end(), token) != end_ids_.end();
}

// Tokens that the answer may still have.
int Sequence::n_left() const noexcept {
  const int n_positions = options_.n_positions - n_tokens();
  return request_.max_tokens < 0 ? n_positions : std::min(n_positions, request_.max_tokens - n_chosen());
}

// Only the first time: one that had to give up its cache has read its prompt before.
int Sequence::count_cached() noexcept { return has_begun_ ? 0 : n_cached_ = cache_->length(); }

Usage Sequence::usage() const noexcept {
  Usage usage{static_cast<int>(request_.prompt.size()), n_chosen(), n_cached_};
  if (speculation_) {
    usage.drafted_tokens = speculation_->n_drafted();
    usage.accepted_tokens = speculation_->n_accepted();
  }
  return usage;
}

void Sequence::emit(sample::Choice choice) {
  tokens_.push_back(choice.token);
  Event event;
  event.index = request_.index;
  event.bytes = vocabulary_.token_bytes[static_cast<size_t>(choice.token)];
  event.choice = std::move(choice);
  StopMatcher::Output safe = stops_.push(event.bytes);
  event.text = text_.push(safe.bytes);
  handle_->push(std::move(event));
  if (safe.stopped) return finish("stop", safe.matched, "");
  if (n_left() <= 0) finish("length", "", stops_.flush());
}

void Sequence::finish(const std::string& reason, const std::string& stop_string, std::string last_bytes,
                      sample::Choice ended_by) {
  Event event;
  event.kind = Event::Kind::end;
  event.choice = std::move(ended_by);
  event.index = request_.index;
  event.text = text_.push(last_bytes) + text_.flush();
  event.finish_reason = reason;
  event.stop_string = stop_string;
  event.usage = usage();
  const Clock::time_point now = Clock::now(), prompt_done = prompt_done_.value_or(now);
  event.timings = {seconds(started_ - submitted_), seconds(prompt_done - started_), seconds(now - prompt_done)};
  event.prompt_logprobs = std::move(prompt_logprobs_);
  if (request_.saves_prompt) event.saved = cache_->save(static_cast<int>(request_.prompt.size()));
  if (embeds()) event.embedding = pooled_.vector();
  handle_->push(std::move(event));
  finished_ = true;
}

void Sequence::fail(const Error& error) noexcept {
  handle_->fail(error);
  finished_ = failed_ = true;
}

}  // namespace fluxmlx::engine
