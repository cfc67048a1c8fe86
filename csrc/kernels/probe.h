#pragma once

#include <cstdint>

// What this machine gives at this moment, to judge a measured speed by.
namespace fluxmlx::kernels {

// Bytes per second that n_threads together read from memory: the median over passes through a buffer
// that is larger than the caches.
double probe_bandwidth(int n_threads);

// Multiply-adds of float32 per second that n_threads reach in registers, median over rounds.
double probe_fma(int n_threads);

// One instruction set's part of the probes.
struct Probe {
  float (*read)(const float* data, int64_t n);  // adds up n floats, a multiple of kProbeRead
  float (*fma)(int64_t rounds);                 // rounds * kProbeFma multiply-adds
};

inline constexpr int kProbeChains = 10;  // independent, so that the latency of one is hidden
inline constexpr int64_t kProbeRead = 8 * 8;
inline constexpr int64_t kProbeFma = 8 * kProbeChains;

}  // namespace fluxmlx::kernels
