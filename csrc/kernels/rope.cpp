#include <cmath>

#include "kernels/kernels.h"

namespace fluxmlx::kernels {

// In double: the product of a large position and a frequency has no bits to spare in float.
void rope_table(const int32_t* positions, int64_t n_tokens, const float* inv_freq, int n_pairs, float magnitude,
                float* table) {
  for (int64_t t = 0; t < n_tokens; ++t) {
    for (int i = 0; i < n_pairs; ++i) {
      const double angle = static_cast<double>(positions[t]) * static_cast<double>(inv_freq[i]);
      *table++ = static_cast<float>(std::cos(angle) * static_cast<double>(magnitude));
      *table++ = static_cast<float>(std::sin(angle) * static_cast<double>(magnitude));
    }
  }
}

}  // namespace fluxmlx::kernels
