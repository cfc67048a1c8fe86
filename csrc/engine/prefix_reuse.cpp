#include "engine/prefix_reuse.h"

#include <algorithm>
#include <new>

namespace fluxmlx::engine {
namespace {

// Fewer tokens are read as soon as the block that they are in is copied.
constexpr int kLeast = 16;

int n_common(std::span<const int32_t> a, std::span<const int32_t> b) noexcept {
  return static_cast<int>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

// Where a sequence finds the longest beginning of its tokens.
struct PrefixReuse::Source {
  Sequence* running = nullptr;  // none: where those that ended left it
  int n_tokens = 0;
  int n_coming = 0;  // that a running sequence has, or will have
};

PrefixReuse::PrefixReuse(cache::KvStore& store, const Options& options, Counters& counters)
    : store_(store), options_(options), counters_(counters) {
  store_.set_kept_bytes(options.prefix_memory.value_or(0));
}

bool PrefixReuse::reuses(const Sequence& sequence) const noexcept {
  return options_.prefix_memory.value_or(0) > 0 && sequence.request().cache_prompt;
}

// The answers to one prompt share it in any case.
bool PrefixReuse::may_share(Sequence& a, Sequence& b) const noexcept {
  return &a.handle() == &b.handle() || (reuses(a) && reuses(b));
}

void PrefixReuse::prepare(std::list<Sequence>& running) noexcept {
  if (!store_.can_share()) return;
  for (Sequence& sequence : running) {
    if (sequence.cache().length() > 0) continue;
    try {
      begin(sequence, running);
    } catch (const std::bad_alloc&) {
      sequence.set_waiting(false);  // it reads everything itself
    }
  }
}

void PrefixReuse::begin(Sequence& sequence, std::list<Sequence>& running) {
  sequence.set_waiting(false);
  if (sequence.request().restored != nullptr) {
    sequence.cache().restore(*sequence.request().restored);
    sequence.cache().truncate(sequence.n_tokens() - 1);
    return;
  }
  if (sequence.wants_every_row()) return;
  const Source source = find(sequence, running);
  if (source.n_coming >= source.n_tokens + kLeast) return sequence.set_waiting(true);
  if (source.n_tokens < kLeast) return;
  if (source.running != nullptr) {
    store_.share(source.running->cache(), source.n_tokens, sequence.cache());
  } else {
    store_.take(sequence.tokens().first(static_cast<size_t>(source.n_tokens)), sequence.cache());
  }
  counters_.cached_tokens += static_cast<uint64_t>(sequence.count_cached());
}

// All tokens but the last may come from elsewhere: its row gives the logits.
PrefixReuse::Source PrefixReuse::find(Sequence& sequence, std::list<Sequence>& running) const {
  const std::span<const int32_t> tokens = sequence.tokens().first(sequence.tokens().size() - 1);
  Source source;
  if (reuses(sequence)) source.n_tokens = store_.find(tokens);
  bool is_older = true;
  for (Sequence& other : running) {
    if (&other == &sequence) {
      is_older = false;
    } else if (may_share(sequence, other)) {
      const int n = n_common(tokens, other.tokens());
      const int n_there = std::min(n, other.cache().length());
      if (n_there > source.n_tokens) source = {&other, n_there, source.n_coming};
      if (is_older || n_there > 0) source.n_coming = std::max(source.n_coming, n);
    }
  }
  return source;
}

void PrefixReuse::keep(Sequence& sequence) noexcept {
  const int n = sequence.cache().length();
  if (!store_.can_share() || !reuses(sequence) || sequence.failed() || n < kLeast) return;
  try {
    store_.keep(sequence.cache(), sequence.tokens());
  } catch (const std::bad_alloc&) {  // the next one reads it again
  }
}

}  // namespace fluxmlx::engine
