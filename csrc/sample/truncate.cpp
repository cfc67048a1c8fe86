#include "sample/truncate.h"

#include <algorithm>
#include <cmath>

namespace fluxmlx::sample {
namespace {

constexpr size_t first_chunk = 64;
constexpr size_t chunk_growth = 8;

bool earlier(const Ranked& a, const Ranked& b) { return a.rank < b.rank || (a.rank == b.rank && a.index < b.index); }

// How many of the earliest it takes until `enough(sum of their weights)`; sorts no more of them than needed.
template <class Enough>
size_t count_until(std::vector<Ranked>& ranked, Enough enough) {
  const auto begin = ranked.begin();
  double sum = 0;
  size_t sorted = 0;
  for (size_t chunk = first_chunk; sorted < ranked.size(); chunk *= chunk_growth) {
    const size_t stop = std::min(ranked.size(), sorted + chunk);
    const auto from = begin + static_cast<std::ptrdiff_t>(sorted);
    const auto to = begin + static_cast<std::ptrdiff_t>(stop);
    std::nth_element(from, to, ranked.end(), earlier);
    std::sort(from, to, earlier);
    for (; sorted < stop; ++sorted) {
      sum += ranked[sorted].weight;
      if (enough(sum)) return sorted + 1;
    }
  }
  return ranked.size();
}

void keep_first(std::vector<Candidate>& candidates, std::vector<Ranked>& ranked, size_t n) {
  ranked.resize(n);
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.index < b.index; });
  for (size_t i = 0; i < n; ++i) candidates[i] = candidates[ranked[i].index];
  candidates.resize(n);
}

// Fills `ranked` with exp(logit - highest) as weight, and returns the sum of the weights.
double rank_by_logit(const std::vector<Candidate>& candidates, std::vector<Ranked>& ranked) {
  const double highest = highest_logit(candidates);
  double total = 0;
  ranked.clear();
  for (size_t i = 0; i < candidates.size(); ++i) {
    const double below = highest - static_cast<double>(candidates[i].logit);
    ranked.push_back({below, std::exp(-below), i});
    total += ranked.back().weight;
  }
  return total;
}

}  // namespace

double highest_logit(const std::vector<Candidate>& candidates) {
  return std::min_element(candidates.begin(), candidates.end(), better)->logit;
}

void keep_typical(std::vector<Candidate>& candidates, float p, std::vector<Ranked>& scratch) {
  if (p >= 1) return;
  const double total = rank_by_logit(candidates, scratch);
  // The surprise of a token is rank + log(total), and the entropy is the mean of that: log(total) drops out.
  double mean = 0;
  for (const Ranked& item : scratch) mean += item.weight / total * item.rank;
  for (Ranked& item : scratch) item.rank = std::abs(item.rank - mean);
  const double target = p * total;
  keep_first(candidates, scratch, count_until(scratch, [target](double sum) { return sum > target; }));
}

void keep_top_p(std::vector<Candidate>& candidates, float p, std::vector<Ranked>& scratch) {
  if (p >= 1) return;
  const double target = p * rank_by_logit(candidates, scratch);
  keep_first(candidates, scratch, count_until(scratch, [target](double sum) { return sum >= target; }));
}

void keep_min_p(std::vector<Candidate>& candidates, float p) {
  if (p <= 0) return;
  const double lowest = highest_logit(candidates) + std::log(static_cast<double>(p));
  std::erase_if(candidates, [lowest](const Candidate& c) { return static_cast<double>(c.logit) < lowest; });
}

}  // namespace fluxmlx::sample
