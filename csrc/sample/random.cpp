#include "sample/random.h"

namespace fluxmlx::sample {
namespace {

constexpr uint64_t multipliers[2] = {0xD2511F53u, 0xCD9E8D57u};
constexpr uint32_t key_steps[2] = {0x9E3779B9u, 0xBB67AE85u};
constexpr int n_rounds = 10;

uint32_t low(uint64_t value) { return static_cast<uint32_t>(value); }
uint32_t high(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

}  // namespace

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) noexcept {
  for (int round = 0; round < n_rounds; ++round) {
    const uint64_t a = multipliers[0] * counter[0];
    const uint64_t b = multipliers[1] * counter[2];
    counter = {high(b) ^ counter[1] ^ key[0], low(b), high(a) ^ counter[3] ^ key[1], low(a)};
    key = {key[0] + key_steps[0], key[1] + key_steps[1]};
  }
  return counter;
}

double uniform(uint64_t seed, uint64_t position, uint32_t draw) noexcept {
  const auto words = philox({low(position), high(position), draw, 0}, {low(seed), high(seed)});
  const uint64_t bits = (static_cast<uint64_t>(words[1]) << 32) | words[0];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace fluxmlx::sample
