#include "model/keys.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

#include "base/error.h"

namespace fluxmlx::model {
namespace {

// Keys that describe a model and change nothing in what it computes here.
constexpr std::array kDescriptive = {
    "vocab_size",
    "tensor_data_layout",
    "pooling_type",
    "rope.scaling.finetuned",
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "embedding_length_out",
    "expert_used_count",
};
constexpr std::array kOtherParts = {"vision.", "audio.", "mm."};  // an image or sound encoder in the same file

// A number that is zero, a flag that is off, a text that is empty.
struct IsNothing {
  bool operator()(const std::string& text) const { return text.empty(); }
  bool operator()(const gguf::Array&) const { return false; }
  template <class T>
  bool operator()(T number) const {
    return number == T{};
  }
};

}  // namespace

std::string Keys::ask(const std::string& name) const {
  asked_.insert(name);
  return prefix_ + name;
}

int Keys::integer(const std::string& name, int low, int high) const {
  return checked(name, metadata_.get_uint(ask(name)), low, high);
}

int Keys::integer_or(const std::string& name, int otherwise, int low, int high) const {
  return has(name) ? integer(name, low, high) : otherwise;
}

float Keys::real_or(const std::string& name, double otherwise, double low, double high) const {
  const double value = metadata_.get_float_or(ask(name), otherwise);
  if (!(value >= low && value <= high)) bad(name, concat("is ", value), concat("a number from ", low, " to ", high));
  return static_cast<float>(value);
}

std::string Keys::text_or(const std::string& name, const std::string& otherwise) const {
  return metadata_.get_string_or(ask(name), otherwise);
}

bool Keys::flag_or(const std::string& name, bool otherwise) const {
  return metadata_.get_bool_or(ask(name), otherwise);
}

int Keys::per_layer(const std::string& name, int n_layers, int low, int high) const {
  if (!metadata_.is_array(ask(name))) return integer(name, low, high);
  const std::vector<uint64_t> values = metadata_.get_uint_array(prefix_ + name);
  if (values.size() != static_cast<size_t>(n_layers)) {
    bad(name, concat("has ", values.size(), " entries"), concat("one for each of the ", n_layers, " layers"));
  }
  if (std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) != values.end()) {
    fail(ErrorCode::unsupported, file_name(), ": ", prefix_, name,
         " differs from layer to layer, which this version cannot run");
  }
  return checked(name, values[0], low, high);
}

std::vector<bool> Keys::pattern(const std::string& name, int n_layers, int period) const {
  if (metadata_.is_array(ask(name))) {
    std::vector<bool> flags = metadata_.get_bool_array(prefix_ + name);
    if (flags.size() == static_cast<size_t>(n_layers)) return flags;
    bad(name, concat("has ", flags.size(), " entries"), concat("one for each of the ", n_layers, " layers"));
  }
  const int every = integer_or(name, period, 1, 1 << 16);
  std::vector<bool> flags(static_cast<size_t>(n_layers));
  for (int i = 0; i < n_layers; ++i) flags[i] = i % every != every - 1;
  return flags;
}

void Keys::bad(const std::string& name, const std::string& found, const std::string& expected) const {
  fail(ErrorCode::invalid_file, file_name(), ": ", prefix_, name, " ", found, "; expected ", expected);
}

void Keys::unsupported(const std::string& name, const std::string& found, const std::string& known) const {
  fail(ErrorCode::unsupported, file_name(), ": ", prefix_, name, " ", found, "; this version knows ", known);
}

int Keys::checked(const std::string& name, uint64_t value, int low, int high) const {
  if (value < static_cast<uint64_t>(low) || value > static_cast<uint64_t>(high)) {
    bad(name, concat("is ", value), concat("a whole number from ", low, " to ", high));
  }
  return static_cast<int>(value);
}

// A feature that is switched off needs nobody who implements it.
bool Keys::says_nothing(const gguf::Metadata::Entry& entry) const {
  const std::string_view name = std::string_view(entry.key).substr(prefix_.size());
  if (std::find(kDescriptive.begin(), kDescriptive.end(), name) != kDescriptive.end()) return true;
  for (const std::string_view part : kOtherParts) {
    if (name.substr(0, part.size()) == part) return true;
  }
  return std::visit(IsNothing{}, entry.value);
}

void Keys::refuse_unread() const {
  for (const gguf::Metadata::Entry& entry : metadata_.entries()) {
    if (entry.key.compare(0, prefix_.size(), prefix_) != 0) continue;
    if (asked_.contains(entry.key.substr(prefix_.size())) || says_nothing(entry)) continue;
    fail(ErrorCode::unsupported, file_name(), ": this version does not know what the key '", entry.key.substr(0, 128),
         "' asks for, and does not run the model without it");
  }
}

}  // namespace fluxmlx::model
