#include "engine/scheduler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/fault.h"

namespace fluxmlx::engine {
namespace {

// Of a step in which nobody writes: so that a cancel, a close and new requests never wait for long.
constexpr double kReadingSeconds = 0.5;

}  // namespace

void Scheduler::admit(Submitted submitted) noexcept {
  const std::shared_ptr<Handle> handle = submitted.handle;
  try {
    running_.emplace_back(std::move(submitted), options_, vocabulary_, store_.open());
    ++counters_.running;
  } catch (...) {
    handle->fail(to_error(std::current_exception()));
    ++counters_.failed;
  }
}

bool Scheduler::has_room_for(const Request& request) {
  return preempted_.empty() && has_place() && memory_.fits(static_cast<int>(request.prompt.size()), running_);
}

void Scheduler::drop_finished() noexcept {
  for (Sequences* sequences : {&running_, &preempted_}) {
    sequences->remove_if([this](Sequence& sequence) { return drop_if_finished(sequence); });
  }
  count_memory();
  counters_.running = running_.size() + preempted_.size();  // last: who sees that nothing runs sees what became of it
}

bool Scheduler::drop_if_finished(Sequence& sequence) noexcept {
  if (!sequence.finished() && sequence.handle().wanted()) return false;
  prefixes_.keep(sequence);
  ++(sequence.failed() ? counters_.failed : sequence.finished() ? counters_.finished : counters_.cancelled);
  return true;
}

// Those that were preempted go on, in the order of their age.
void Scheduler::resume() {
  while (!preempted_.empty() && has_place() && memory_.fits(preempted_.front().n_tokens(), running_)) {
    running_.splice(running_.end(), preempted_, preempted_.begin());
  }
}

// Frees the memory of the youngest, which waits at the head of the line to be read again, as far as it has to be.
void Scheduler::preempt(Sequences::iterator sequence) {
  prefixes_.keep(*sequence);
  sequence->restart(store_.open());
  preempted_.splice(preempted_.begin(), running_, sequence);
  ++counters_.preemptions;
}

void Scheduler::count_step(Clock::time_point began) noexcept {
  ++counters_.steps;
  counters_.busy_ns += static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - began).count());
}

void Scheduler::count_memory() noexcept {
  const uint64_t n_idle = store_.idle_bytes();
  counters_.cache_bytes = store_.used_bytes() - n_idle;
  counters_.prefix_bytes = n_idle;
}

// In the builds that tests run on: the books of the cache, whenever a request has ended.
void Scheduler::check_memory() {
#if FLUXMLX_DEVELOPER
  const uint64_t n_ended = counters_.finished + counters_.failed + counters_.cancelled + counters_.preemptions;
  if (std::exchange(n_ended_, n_ended) != n_ended) store_.check_integrity();
#endif
}

StepPlan Scheduler::plan() {
  prefixes_.prepare(running_);
  const auto n_decoding = std::count_if(running_.begin(), running_.end(), [](const Sequence& s) { return !s.reads(); });
  const double target = n_decoding > 0 ? options_.target_latency : std::max(kReadingSeconds, options_.target_latency);
  const std::vector<int> rows = rows_of_step(running_, cost_.rows_within(target, static_cast<int>(n_decoding)));
  memory_.reserve(running_, rows, [this](Sequences::iterator sequence) { preempt(sequence); });
  return plan_step(running_, rows);
}

Runner::Outputs Scheduler::forward(const StepPlan& plan) {
  const Clock::time_point began = Clock::now();
  const Runner::Outputs outputs = runner_.run(plan.batch, plan.rows, plan.state_rows);
  cost_.measured(plan.n_prompt_rows, plan.n_decoding, std::chrono::duration<double>(Clock::now() - began).count());
  return outputs;
}

void Scheduler::sample_and_emit(const StepPlan& plan, Runner::Outputs outputs) noexcept {
  for (const StepPlan::Part& part : plan.parts) {
    const bool embeds = part.sequence->embeds();
    const auto width = static_cast<size_t>(embeds ? runner_.n_embd() : runner_.n_vocab());
    const float*& next = embeds ? outputs.states : outputs.logits;
    const size_t size = part.rows.size() * width;
    accept(part, {next, size});
    next += size;
  }
}

void Scheduler::accept(const StepPlan::Part& part, std::span<const float> values) noexcept {
  Sequence& sequence = *part.sequence;
  const int begin = sequence.cache().length() - part.count;
  const int n_prompt = static_cast<int>(sequence.request().prompt.size());
  counters_.prompt_tokens += static_cast<uint64_t>(std::clamp(n_prompt - begin, 0, part.count));
  try {
    sequence.accept(part.rows, part.count, values);
  } catch (...) {
    sequence.fail(to_error(std::current_exception()));
  }
  const Usage after = sequence.usage();
  counters_.completion_tokens += static_cast<uint64_t>(after.completion_tokens - part.before.completion_tokens);
  counters_.drafted_tokens += static_cast<uint64_t>(after.drafted_tokens - part.before.drafted_tokens);
  counters_.accepted_tokens += static_cast<uint64_t>(after.accepted_tokens - part.before.accepted_tokens);
}

void Scheduler::step() noexcept {
  drop_finished();
  if (idle()) return;
  const Clock::time_point began = Clock::now();
  std::optional<StepPlan> plan;
  try {
    resume();
    plan = this->plan();
    if (!plan->parts.empty()) sample_and_emit(*plan, forward(*plan));
    check_memory();
  } catch (...) {
    // The caches may hold half a step: all who took part in it have to go, the engine stays.
    const Error error = to_error(std::current_exception());
    if (!plan) return fail_all(error);
    for (const StepPlan::Part& part : plan->parts) part.sequence->fail(error);
  }
  drop_finished();
  count_step(began);
}

void Scheduler::fail_all(const Error& error) noexcept {
  for (Sequences* sequences : {&running_, &preempted_}) {
    for (Sequence& sequence : *sequences) sequence.fail(error);
  }
  drop_finished();
}

}  // namespace fluxmlx::engine
