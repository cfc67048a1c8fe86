#pragma once

#include "kernels/activations.h"
#include "kernels/body/unroll.h"

// One token times nibbles: each byte is loaded once for both, and high ones may be lowered as late as in their sums.
// Decision 044 has the measurements.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// Sums of K places' low and high nibbles.
template <int K>
struct NibbleDots {
  Dots<4, 1> low[K] = {}, high[K] = {};
};

// A place is N vectors of bytes at p, whose low nibbles belong to the next 4 N columns of q and the high ones to the 4
// N after them. All places are under way at once, so that no sum waits for itself.
template <int N, int K>
[[gnu::always_inline]] inline NibbleDots<K> multiply_nibbles(const uint8_t* p, const int8_t (*q)[1][4]) {
  NibbleDots<K> dots;
  for_each_index<N>([&](auto s) __attribute__((always_inline)) {
    for_each_index<K>([&](auto k) __attribute__((always_inline)) {
      const NibblePair both = load_nibbles(p + 32 * (N * k + s));
      add_products(dots.low[k], both.low, q[2 * N * k + s]);
      add_products(dots.high[k], both.high, q[2 * N * k + N + s]);
    });
  });
  return dots;
}

// sums += high, the sums of high nibbles
inline void add_high(Sums<1>& sums, const Sums<1>& high) { sums.v[0] = add(sums.v[0], lower_high(high.v[0])); }

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
