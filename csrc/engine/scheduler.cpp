#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

#include "array/functions.h"
#include "engine/fault.h"

namespace fluxmlx::engine {
namespace {

// Logits of a whole chunk are chunk x vocabulary floats, so a scored prompt goes in smaller pieces.
constexpr int kScoredChunk = 64;

// Rows of a step that take little longer than one, as long as their weights have to come from memory.
constexpr int kCheapRows = 4;

}  // namespace

void Scheduler::admit(Request request, std::shared_ptr<Handle> handle, Clock::time_point submitted) noexcept {
  try {
    running_.emplace_back(std::move(request), handle, options_, vocabulary_, store_.open(), submitted);
    ++counters_.running;
  } catch (...) {
    handle->fail(to_error(std::current_exception()));
    ++counters_.failed;
  }
}

void Scheduler::drop_finished() noexcept {
  running_.remove_if([this](Sequence& sequence) {
    const bool ends = sequence.finished() || !sequence.handle().wanted();
    if (ends) count_end(sequence);
    return ends;
  });
}

void Scheduler::count_end(Sequence& sequence) noexcept {
  --counters_.running;
  ++(sequence.failed() ? counters_.failed : sequence.finished() ? counters_.finished : counters_.cancelled);
}

void Scheduler::count_step(Clock::time_point began) noexcept {
  ++counters_.steps;
  counters_.busy_ns += static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - began).count());
  uint64_t n_bytes = 0;
  for (Sequence& sequence : running_) n_bytes += sequence.cache().n_bytes();
  counters_.cache_bytes = n_bytes;
}

// How many tokens each may guess: what is left of the cheap rows, and none beside a prompt, whose rows are dear.
int Scheduler::n_guesses() const {
  for (const Sequence& sequence : running_) {
    if (sequence.in_prompt()) return 0;
  }
  return std::max(0, kCheapRows / static_cast<int>(running_.size()) - 1);
}

// Every running sequence gives its last token, and the oldest that still reads its prompt one piece of it.
model::Batch Scheduler::plan(std::vector<Plan>& plans, std::vector<int32_t>& rows) {
  model::Batch batch;
  const int n_guesses = this->n_guesses();
  bool reads_prompt = false;
  for (Sequence& sequence : running_) {
    if (sequence.in_prompt() && std::exchange(reads_prompt, true)) continue;
    const Usage before = sequence.usage();
    const bool scored = sequence.request().prompt_logprobs >= 0;
    const std::span<const int32_t> tokens =
        sequence.next_rows(scored ? std::min(kScoredChunk, chunk_.rows()) : chunk_.rows(), n_guesses);
    const int begin = static_cast<int>(batch.tokens.size());
    const int count = static_cast<int>(tokens.size());
    plans.push_back({&sequence, before, count, sequence.rows_wanted(count)});
    for (const int32_t row : plans.back().rows) rows.push_back(begin + row);
    batch.add(sequence.cache(), tokens);
  }
  return batch;
}

void Scheduler::forward(const model::Batch& batch, std::span<const Plan> plans, std::span<const int32_t> rows) {
  const Clock::time_point began = Clock::now();
  const Array hidden = decoder_.forward(batch);
  const Array logits = rows.empty() ? Array() : decoder_.logits(hidden, rows);  // (len(rows), n_vocab)
  mx::eval(rows.empty() ? hidden : logits);
  chunk_.measured(static_cast<int>(batch.tokens.size()), std::chrono::duration<double>(Clock::now() - began).count());
  const float* next = rows.empty() ? nullptr : logits.data_f32();
  for (const Plan& plan : plans) {
    accept(plan, next);
    next += plan.rows.size() * static_cast<size_t>(decoder_.config().n_vocab);
  }
}

void Scheduler::accept(const Plan& plan, const float* logits) noexcept {
  Sequence& sequence = *plan.sequence;
  const int begin = sequence.cache().length() - plan.count;
  const int n_prompt = static_cast<int>(sequence.request().prompt.size());
  counters_.prompt_tokens += static_cast<uint64_t>(std::clamp(n_prompt - begin, 0, plan.count));
  try {
    sequence.accept(plan.rows, plan.count, logits);
  } catch (...) {
    sequence.fail(to_error(std::current_exception()));
  }
  const Usage after = sequence.usage();
  counters_.completion_tokens += static_cast<uint64_t>(after.completion_tokens - plan.before.completion_tokens);
  counters_.drafted_tokens += static_cast<uint64_t>(after.drafted_tokens - plan.before.drafted_tokens);
  counters_.accepted_tokens += static_cast<uint64_t>(after.accepted_tokens - plan.before.accepted_tokens);
}

void Scheduler::step() noexcept {
  drop_finished();
  if (running_.empty()) return;
  const Clock::time_point began = Clock::now();
  std::vector<Plan> plans;
  try {
    std::vector<int32_t> rows;
    const model::Batch batch = plan(plans, rows);
    forward(batch, plans, rows);
  } catch (...) {
    // The caches may hold half a step: all who took part in it have to go, the engine stays.
    const Error error = to_error(std::current_exception());
    for (const Plan& plan : plans) plan.sequence->fail(error);
    if (plans.empty()) fail_all(error);
  }
  drop_finished();
  count_step(began);
}

void Scheduler::fail_all(const Error& error) noexcept {
  for (Sequence& sequence : running_) sequence.fail(error);
  drop_finished();
}

}  // namespace fluxmlx::engine
