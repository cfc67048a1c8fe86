#pragma once

#include <string>
#include <vector>

namespace fluxmlx::engine {

// What this backend can do with this model; true only where it is so.
struct Capabilities {
  bool supports_structured_output = false;
  bool supports_speculative_decoding = false;
  bool supports_kv_prefix_copy = false;
  bool supports_multimodal = false;
  bool supports_logits_processor = true;
  bool batch_invariant = false;  // an answer's bytes do not depend on what runs beside it
  std::vector<std::string> cache_types;
  int n_ctx = 0;        // positions of one sequence as it was loaded
  int n_ctx_train = 0;  // as the model was trained
  int max_sequences = 0;
};

}  // namespace fluxmlx::engine
