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

// Reads the keys "<architecture>.<name>" with the range each must lie in.
class Reader {
 public:
  Reader(const gguf::Metadata& metadata, const std::string& architecture)
      : metadata_(metadata), prefix_(architecture + ".") {}

  bool has(const std::string& name) const { return metadata_.contains(prefix_ + name); }

  int integer(const std::string& name, int low, int high) const {
    return checked(name, metadata_.get_uint(prefix_ + name), low, high);
  }
  int integer_or(const std::string& name, int otherwise, int low, int high) const {
    return has(name) ? integer(name, low, high) : otherwise;
  }

  // One number for all layers, or one number for each that is the same for all.
  int per_layer(const std::string& name, int n_layers, int low, int high) const {
    if (!metadata_.is_array(prefix_ + name)) return integer(name, low, high);
    const std::vector<uint64_t> values = metadata_.get_uint_array(prefix_ + name);
    if (values.size() != static_cast<size_t>(n_layers)) {
      bad(name, concat("has ", values.size(), " entries"), concat("one for each of the ", n_layers, " layers"));
    }
    if (std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) != values.end()) {
      fail(ErrorCode::unsupported, metadata_.file_name(), ": ", prefix_, name,
           " differs from layer to layer, which this version cannot run");
    }
    return checked(name, values[0], low, high);
  }

  float real_or(const std::string& name, double otherwise, double low, double high) const {
    const double value = metadata_.get_float_or(prefix_ + name, otherwise);
    if (!(value >= low && value <= high)) bad(name, concat("is ", value), concat("a number from ", low, " to ", high));
    return static_cast<float>(value);
  }

  std::string text_or(const std::string& name, const std::string& otherwise) const {
    return metadata_.get_string_or(prefix_ + name, otherwise);
  }

  [[noreturn]] void bad(const std::string& name, const std::string& found, const std::string& expected) const {
    fail(ErrorCode::invalid_file, metadata_.file_name(), ": ", prefix_, name, " ", found, "; expected ", expected);
  }

  [[noreturn]] void unsupported(const std::string& name, const std::string& found, const std::string& known) const {
    fail(ErrorCode::unsupported, metadata_.file_name(), ": ", prefix_, name, " ", found, "; this version knows ",
         known);
  }

 private:
  int checked(const std::string& name, uint64_t value, int low, int high) const {
    if (value < static_cast<uint64_t>(low) || value > static_cast<uint64_t>(high)) {
      bad(name, concat("is ", value), concat("a whole number from ", low, " to ", high));
    }
    return static_cast<int>(value);
  }

  const gguf::Metadata& metadata_;
  std::string prefix_;
};

const Family& require_family(const gguf::Metadata& metadata) {
  const std::string architecture = metadata.get_string("general.architecture");
  if (const Family* family = find_family(architecture)) return *family;
  std::string known;
  for (const std::string& name : family_names()) known += (known.empty() ? "" : ", ") + name;
  const std::string shown = architecture.size() > 64 ? architecture.substr(0, 64) + "..." : architecture;
  fail(ErrorCode::unsupported, metadata.file_name(), ": the architecture '", shown,
       "' (general.architecture) is not supported; this version runs ", known);
}

void read_heads(const Reader& reader, Config& config) {
  config.n_heads = reader.per_layer("attention.head_count", config.n_layers, 1, 1 << 14);
  config.n_kv_heads = reader.has("attention.head_count_kv")
                          ? reader.per_layer("attention.head_count_kv", config.n_layers, 1, 1 << 14)
                          : config.n_heads;
  if (config.n_heads % config.n_kv_heads != 0) {
    reader.bad("attention.head_count_kv", concat("is ", config.n_kv_heads),
               concat("a divisor of the ", config.n_heads, " heads"));
  }
  const bool has_length = reader.has("attention.key_length");
  if (!has_length && config.n_embd % config.n_heads != 0) {
    reader.bad("attention.head_count", concat("is ", config.n_heads),
               concat("a divisor of the embedding length ", config.n_embd));
  }
  config.head_dim = has_length ? reader.integer("attention.key_length", 2, 4096) : config.n_embd / config.n_heads;
  const int value_length = reader.integer_or("attention.value_length", config.head_dim, 1, 4096);
  if (value_length != config.head_dim) {
    reader.bad("attention.value_length", concat("is ", value_length), concat("the key length ", config.head_dim));
  }
}

float read_rope_scale(const Reader& reader) {
  const std::string type = reader.text_or("rope.scaling.type", "none");
  if (type != "none" && type != "linear") {
    reader.unsupported("rope.scaling.type", concat("is '", type.substr(0, 64), "'"),
                       "none, linear and the frequency table of Llama 3");
  }
  const char* factor = reader.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  const float scale = reader.real_or(factor, 1, 1e-6, 1e6);
  return type == "linear" || !reader.has("rope.scaling.type") ? scale : 1.0f;
}

void read_rope(const Reader& reader, Config& config) {
  config.n_rot = reader.integer_or("rope.dimension_count", config.head_dim, 2, config.head_dim);
  if (config.n_rot % 2 != 0) reader.bad("rope.dimension_count", concat("is ", config.n_rot), "an even number");
  config.rope_base = reader.real_or("rope.freq_base", 10000, 1e-3, 1e15);
  config.rope_scale = read_rope_scale(reader);
}

int read_context(const Reader& reader) {
  // A context length of nothing or of everything says that the converter did not know it.
  if (!reader.has("context_length")) return kDefaultContext;
  const int64_t length = static_cast<int64_t>(reader.integer_or("context_length", 0, 0, INT32_MAX));
  return length == 0 ? kDefaultContext : static_cast<int>(std::min<int64_t>(length, kMaxContext));
}

int read_vocabulary(const gguf::Metadata& metadata, uint64_t n_rows) {
  if (n_rows == 0 || n_rows > static_cast<uint64_t>(kMaxWidth) * 4) {
    fail(ErrorCode::invalid_file, metadata.file_name(), ": token_embd.weight has ", n_rows, " rows");
  }
  if (metadata.contains("tokenizer.ggml.tokens")) {
    const size_t n_tokens = metadata.get_string_array("tokenizer.ggml.tokens").size();
    if (n_tokens != n_rows) {
      fail(ErrorCode::invalid_file, metadata.file_name(), ": tokenizer.ggml.tokens has ", n_tokens,
           " entries and token_embd.weight has ", n_rows, " rows; they must be equal");
    }
  }
  return static_cast<int>(n_rows);
}

}  // namespace

Config Config::from_metadata(const gguf::Metadata& metadata, uint64_t n_vocab_rows) {
  Config config;
  config.family = &require_family(metadata);
  const Reader reader(metadata, config.family->name);
  if (reader.integer_or("expert_count", 0, 0, 1 << 16) != 0) {
    fail(ErrorCode::unsupported, metadata.file_name(), ": a mixture of experts (", config.family->name,
         ".expert_count) is not supported by this version");
  }
  config.n_layers = reader.integer("block_count", 1, kMaxLayers);
  config.n_embd = reader.integer("embedding_length", 1, kMaxWidth);
  config.n_ff = reader.per_layer("feed_forward_length", config.n_layers, 1, kMaxWidth);
  config.n_ctx_train = read_context(reader);
  config.norm_eps = reader.real_or("attention.layer_norm_rms_epsilon", 1e-5, 0, 1);
  read_heads(reader, config);
  read_rope(reader, config);
  config.n_vocab = read_vocabulary(metadata, n_vocab_rows);
  return config;
}

}  // namespace fluxmlx::model
