#include "engine/sequence.h"

#include <algorithm>

namespace fluxmlx::engine {
namespace {

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

std::vector<int32_t> end_ids(const Request& request, const Vocabulary& vocabulary) {
  std::vector<int32_t> ids = request.stop_token_ids;
  if (!request.ignore_eos) ids.insert(ids.end(), vocabulary.end_ids.begin(), vocabulary.end_ids.end());
  return ids;
}

}  // namespace

Sequence::Sequence(Request request, std::shared_ptr<Handle> handle, const Options& options,
                   const Vocabulary& vocabulary, std::unique_ptr<cache::KvCache> cache, Clock::time_point submitted)
    : request_(std::move(request)),
      handle_(std::move(handle)),
      options_(options),
      vocabulary_(vocabulary),
      cache_(std::move(cache)),
      sampler_(request_.sampling, static_cast<int>(vocabulary.token_bytes.size())),
      stops_(request_.stop),
      tokens_(request_.prompt),
      end_ids_(end_ids(request_, vocabulary)),
      submitted_(submitted),
      started_(Clock::now()) {}

std::span<const int32_t> Sequence::pending(int limit) const {
  const size_t begin = static_cast<size_t>(cache_->length());
  return std::span(tokens_).subspan(begin, std::min<size_t>(limit, tokens_.size() - begin));
}

std::vector<int32_t> Sequence::rows_wanted(int count) const {
  std::vector<int32_t> rows;
  const int end = cache_->length() + count;
  const bool scored = request_.prompt_logprobs >= 0 && in_prompt();
  for (int i = scored ? 0 : count - 1; i < count; ++i) {
    if (scored || end == static_cast<int>(tokens_.size())) rows.push_back(i);
  }
  return rows;
}

void Sequence::accept(std::span<const int32_t> rows, int count, const float* logits) {
  const int begin = cache_->length() - count;
  const size_t n_vocab = vocabulary_.token_bytes.size();
  const bool prompt_ends = begin < static_cast<int>(request_.prompt.size()) && !in_prompt();
  if (prompt_ends) prompt_done_ = Clock::now();
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::span row(logits + i * n_vocab, n_vocab);
    const int position = begin + rows[i];
    if (position + 1 < static_cast<int>(tokens_.size())) {
      score_row(position, row);
    } else if (out_of_room()) {
      finish("length", "", "");
    } else {
      choose(row);
    }
  }
}

// The logits at a position are about the token that follows it.
void Sequence::score_row(int position, std::span<const float> logits) {
  prompt_logprobs_.push_back(sample::logprob_of(logits, tokens_[position + 1], request_.prompt_logprobs));
}

void Sequence::choose(std::span<const float> logits) {
  const bool too_early = n_chosen() < request_.min_tokens;
  sample::Choice choice = sample(logits, too_early ? std::span<const int32_t>(end_ids_) : std::span<const int32_t>());
  if (ends_answer(choice.token)) return finish("stop", "", stops_.flush());
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

bool Sequence::out_of_room() const {
  return (request_.max_tokens >= 0 && n_chosen() >= request_.max_tokens) ||
         static_cast<int>(tokens_.size()) >= options_.n_ctx;
}

void Sequence::emit(sample::Choice choice) {
  tokens_.push_back(choice.token);
  Event event;
  event.index = request_.index;
  event.bytes = vocabulary_.token_bytes[choice.token];
  event.choice = std::move(choice);
  StopMatcher::Output safe = stops_.push(event.bytes);
  event.text = text_.push(safe.bytes);
  handle_->push(std::move(event));
  if (safe.stopped) return finish("stop", safe.matched, "");
  if (out_of_room()) finish("length", "", stops_.flush());
}

void Sequence::finish(const std::string& reason, const std::string& stop_string, std::string last_bytes) {
  Event event;
  event.kind = Event::Kind::end;
  event.index = request_.index;
  event.text = text_.push(last_bytes) + text_.flush();
  event.finish_reason = reason;
  event.stop_string = stop_string;
  event.usage = {static_cast<int>(request_.prompt.size()), n_chosen()};
  event.timings = {seconds(started_ - submitted_), seconds(prompt_done_ - started_),
                   seconds(Clock::now() - prompt_done_)};
  event.prompt_logprobs = std::move(prompt_logprobs_);
  handle_->push(std::move(event));
  finished_ = true;
}

void Sequence::fail(const Error& error) noexcept {
  handle_->fail(error);
  finished_ = failed_ = true;
}

}  // namespace fluxmlx::engine
