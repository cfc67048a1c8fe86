#include "model/batch.h"

namespace fluxmlx::model {

void Batch::add(cache::KvCache& cache, std::span<const int32_t> new_tokens) {
  entries.push_back({&cache, size(), static_cast<int>(new_tokens.size())});
  tokens.insert(tokens.end(), new_tokens.begin(), new_tokens.end());
  for (size_t i = 0; i < new_tokens.size(); ++i) positions.push_back(cache.length() + static_cast<int32_t>(i));
}

}  // namespace fluxmlx::model
