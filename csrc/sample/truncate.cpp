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

// Fills `ranked` with -logit as rank and exp(logit - highest) as weight, and returns the sum of the weights.
double rank_by_logit(const std::vector<Candidate>& candidates, double highest, std::vector<Ranked>& ranked) {
  double total = 0;
  ranked.clear();
  for (size_t i = 0; i < candidates.size(); ++i) {
    const double logit = candidates[i].logit;
    ranked.push_back({-logit, std::exp(logit - highest), i});
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
  const double highest = highest_logit(candidates);
  const double total = rank_by_logit(candidates, highest, scratch);
  // The surprise of a token is highest - logit + log(total), and the entropy is its mean: log(total) drops out.
  double mean = 0;
  for (const Ranked& item : scratch) mean += item.weight / total * (highest + item.rank);
  for (Ranked& item : scratch) item.rank = std::abs(highest + item.rank - mean);
  const double target = p * total;
  keep_first(candidates, scratch, count_until(scratch, [target](double sum) { return sum > target; }));
}

void keep_top_p(std::vector<Candidate>& candidates, float p, std::vector<Ranked>& scratch) {
  if (p >= 1) return;
  const double total = rank_by_logit(candidates, highest_logit(candidates), scratch);
  // Half of 1 - p is more than all the tokens together that are below their share of it: the rest is mass enough, and
  // only that is sorted.
  const double share = (1 - static_cast<double>(p)) / 2 * total / static_cast<double>(candidates.size());
  std::erase_if(scratch, [share](const Ranked& item) { return item.weight < share; });
  const double target = p * total;
  keep_first(candidates, scratch, count_until(scratch, [target](double sum) { return sum >= target; }));
}

void keep_min_p(std::vector<Candidate>& candidates, float p) {
  if (p <= 0) return;
  const double lowest = highest_logit(candidates) + std::log(static_cast<double>(p));
  std::erase_if(candidates, [lowest](const Candidate& c) { return static_cast<double>(c.logit) < lowest; });
}

}  // namespace fluxmlx::sample
