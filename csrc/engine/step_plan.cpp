#include "engine/step_plan.h"

#include <algorithm>
#include <numeric>

#include "engine/memory_plan.h"

namespace fluxmlx::engine {
namespace {

// Logits of a row are as many floats as the vocabulary has, so a step scores few rows of prompts.
constexpr int kScoredRows = 64;

// Rows of a step that take little longer than one, as long as their weights have to come from memory.
constexpr int kCheapRows = 4;

// How many tokens each may guess: what is left of the cheap rows, and none beside a prompt, whose rows are dear.
int guesses_of(const std::list<Sequence>& running) {
  if (running.empty()) return 0;
  const bool reads = std::any_of(running.begin(), running.end(), [](const Sequence& s) { return s.reads(); });
  return reads ? 0 : std::max(0, kCheapRows / static_cast<int>(running.size()) - 1);
}

void limit_scored(std::span<const Sequence* const> readers, std::span<int> shares) {
  int left = kScoredRows;
  for (size_t i = 0; i < readers.size(); ++i) {
    if (!readers[i]->scores_prompt()) continue;
    shares[i] = std::min(shares[i], left);
    left -= shares[i];
  }
}

}  // namespace

void StepPlan::add(Sequence& sequence, int limit, int n_guesses) {
  const Usage before = sequence.usage();
  (sequence.reads() ? n_prompt_rows : n_decoding) += sequence.reads() ? limit : 1;
  const std::span<const int32_t> tokens = sequence.next_rows(limit, n_guesses);
  const int begin = batch.size();
  const int count = static_cast<int>(tokens.size());
  parts.push_back({&sequence, before, count, sequence.rows_wanted(count)});
  std::vector<int32_t>& wanted = sequence.embeds() ? state_rows : rows;
  for (const int32_t row : parts.back().rows) wanted.push_back(begin + row);
  batch.add(sequence.cache(), tokens);
}

std::vector<int> share_rows(std::span<const int> wanted, int budget) {
  std::vector<int> shares(wanted.size(), 0);
  const auto give = [&](size_t i, int most) {
    const int n = std::min({wanted[i] - shares[i], most, budget});
    shares[i] += n;
    budget -= n;
  };
  if (!wanted.empty()) give(0, (budget + 1) / 2);
  std::vector<size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return wanted[a] < wanted[b]; });
  for (const size_t i : order) give(i, budget);
  return shares;
}

std::vector<int> rows_of_step(const std::list<Sequence>& running, int prompt_rows) {
  std::vector<const Sequence*> readers;
  std::vector<int> wanted, rows;
  for (const Sequence& sequence : running) {
    if (!sequence.reads() || sequence.waits()) continue;
    readers.push_back(&sequence);
    wanted.push_back(sequence.n_pending());
  }
  std::vector<int> shares = share_rows(wanted, prompt_rows);
  limit_scored(readers, shares);
  auto share = shares.begin();
  for (const Sequence& sequence : running) {
    rows.push_back(sequence.waits() ? 0 : sequence.reads() ? *share++ : 1);
  }
  return rows;
}

StepPlan plan_step(std::list<Sequence>& running, std::span<const int> rows) {
  StepPlan plan;
  const int n_guesses = guesses_of(running);
  size_t i = 0;
  for (Sequence& sequence : running) {
    const int n_rows = rows[i++];
    if (n_rows == 0 || sequence.finished()) continue;
    // Guesses are not worth anybody's memory.
    plan.add(sequence, n_rows, n_guesses > 0 && has_room(sequence, n_rows + n_guesses) ? n_guesses : 0);
  }
  return plan;
}

}  // namespace fluxmlx::engine
