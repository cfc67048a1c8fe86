#include "model/config.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace fluxmlx::model {
namespace {

constexpr int kMaxLayers = 1024;
constexpr int kMaxWidth = 1 << 20;
constexpr int kMaxContext = 1 << 27;
constexpr int kDefaultContext = 4096;

const Family& require_family(const gguf::Metadata& metadata) {
  const std::string architecture = metadata.get_string("general.architecture");
  if (const Family* family = find_family(architecture)) return *family;
  std::string known;
  for (const std::string& name : family_names()) known += (known.empty() ? "" : ", ") + name;
  const std::string shown = architecture.size() > 64 ? architecture.substr(0, 64) + "..." : architecture;
  fail(ErrorCode::unsupported, metadata.file_name(), ": the architecture '", shown,
       "' (general.architecture) is not supported; this version runs ", known);
}

// Keys that give the length of heads must all say the same.
void require_length(const Keys& keys, const char* name, int head_dim) {
  const int length = keys.integer_or(name, head_dim, 1, 4096);
  if (length != head_dim) keys.bad(name, concat("is ", length), concat("the key length ", head_dim));
}

void read_heads(const Keys& keys, Config& config) {
  config.n_heads = keys.per_layer("attention.head_count", config.n_layers, 1, 1 << 14);
  config.n_kv_heads = keys.has("attention.head_count_kv")
                          ? keys.per_layer("attention.head_count_kv", config.n_layers, 1, 1 << 14)
                          : config.n_heads;
  if (config.n_heads % config.n_kv_heads != 0) {
    keys.bad("attention.head_count_kv", concat("is ", config.n_kv_heads),
             concat("a divisor of the ", config.n_heads, " heads"));
  }
  const bool has_length = keys.has("attention.key_length");
  if (!has_length && config.n_embd % config.n_heads != 0) {
    keys.bad("attention.head_count", concat("is ", config.n_heads),
             concat("a divisor of the embedding length ", config.n_embd));
  }
  config.head_dim = has_length ? keys.integer("attention.key_length", 2, 4096) : config.n_embd / config.n_heads;
  for (const char* name : {"attention.value_length", "attention.key_length_swa", "attention.value_length_swa"}) {
    require_length(keys, name, config.head_dim);
  }
  if (!keys.flag_or("attention.causal", true)) keys.unsupported("attention.causal", "is false", "true");
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim));
}

int read_context(const Keys& keys) {
  // A context length of nothing or of everything says that the converter did not know it.
  if (!keys.has("context_length")) return kDefaultContext;
  const int64_t length = static_cast<int64_t>(keys.integer_or("context_length", 0, 0, INT32_MAX));
  return length == 0 ? kDefaultContext : static_cast<int>(std::min<int64_t>(length, kMaxContext));
}

int read_vocabulary(const gguf::Metadata& metadata, uint64_t n_rows, bool has_spare_tokens) {
  if (n_rows == 0 || n_rows > static_cast<uint64_t>(kMaxWidth) * 4) {
    fail(ErrorCode::invalid_file, metadata.file_name(), ": token_embd.weight has ", n_rows, " rows");
  }
  if (metadata.contains("tokenizer.ggml.tokens")) {
    const size_t n_tokens = metadata.get_string_array("tokenizer.ggml.tokens").size();
    if (n_tokens < n_rows || (n_tokens > n_rows && !has_spare_tokens)) {
      fail(ErrorCode::invalid_file, metadata.file_name(), ": tokenizer.ggml.tokens has ", n_tokens,
           " entries and token_embd.weight has ", n_rows, " rows; they must be equal");
    }
  }
  return static_cast<int>(n_rows);
}

// -1 where the file says nothing.
float read_eps(const Keys& keys) {
  for (const char* name : {"attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"}) {
    if (keys.has(name)) return keys.real_or(name, 0, 0, 1);
  }
  return -1;
}

// A mixture of experts may have no other length.
const char* feed_forward_key(const Keys& keys) {
  const bool experts_only = !keys.has("feed_forward_length") && keys.has("expert_feed_forward_length");
  return experts_only ? "expert_feed_forward_length" : "feed_forward_length";
}

}  // namespace

std::vector<bool> read_windows(const Keys& keys, Config& config, int period) {
  const int window = keys.integer_or("attention.sliding_window", 0, 0, INT32_MAX);
  const std::vector<bool> slides = keys.pattern("attention.sliding_window_pattern", config.n_layers, period);
  for (int i = 0; i < config.n_layers; ++i) config.layers[i].window = slides[i] ? window : 0;
  return slides;
}

Config Config::from_metadata(const gguf::Metadata& metadata, uint64_t n_vocab_rows) {
  Config config;
  config.family = &require_family(metadata);
  const Keys keys(metadata, config.family->name);
  config.n_layers = keys.integer("block_count", 1, kMaxLayers);
  config.n_embd = keys.integer("embedding_length", 1, kMaxWidth);
  config.n_ff = keys.per_layer(feed_forward_key(keys), config.n_layers, 1, kMaxWidth);
  config.n_ctx_train = read_context(keys);
  config.norm_eps = read_eps(keys);
  read_heads(keys, config);
  config.ropes = {read_rope(keys, config.head_dim, false)};
  config.layers.resize(static_cast<size_t>(config.n_layers));
  config.family->describe(keys, config);
  if (config.norm_eps < 0) keys.bad("attention.layer_norm_rms_epsilon", "is missing", "a number from 0 to 1");
  config.n_vocab = read_vocabulary(metadata, n_vocab_rows, config.has_spare_tokens);
  if (config.experts.n == 0 && keys.integer_or("expert_count", 0, 0, 1 << 16) != 0) {
    fail(ErrorCode::unsupported, metadata.file_name(), ": a mixture of experts (", config.family->name,
         ".expert_count) is not supported in this architecture");
  }
  keys.refuse_unread();
  return config;
}

}  // namespace fluxmlx::model
