#pragma once

#include <string>
#include <vector>

#include "gguf/metadata.h"
#include "ops/ops.h"

namespace fluxmlx::model {

// What an architecture adds to a plain pre-norm decoder; one row per family in registry.cpp.
struct Family {
  const char* name;       // general.architecture
  bool rope_interleaved;  // how pairs of a head are laid out in the file
  bool qkv_bias;          // q, k and v may have biases
  bool qk_norm;           // q and k heads are normalised
  ops::Activation activation;
};

const Family* find_family(const std::string& architecture);
std::vector<std::string> family_names();

// The shape of a decoder: read once from the metadata, checked, never changed.
struct Config {
  const Family* family = nullptr;
  int n_layers = 0;
  int n_embd = 0;
  int n_ff = 0;
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  int n_rot = 0;
  int n_vocab = 0;
  int n_ctx_train = 0;
  float norm_eps = 0;
  float rope_base = 0;
  float rope_scale = 1;  // positions are divided by it

  static Config from_metadata(const gguf::Metadata& metadata, uint64_t n_vocab_rows);
};

}  // namespace fluxmlx::model
