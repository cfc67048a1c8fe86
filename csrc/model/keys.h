#pragma once

#include <set>
#include <string>
#include <vector>

#include "gguf/metadata.h"

namespace fluxmlx::model {

// The keys "<architecture>.<name>" of a file, each with the range it must lie in. It remembers what was asked for: a
// key that nobody asked for may change what the model computes.
class Keys {
 public:
  Keys(const gguf::Metadata& metadata, const std::string& architecture)
      : metadata_(metadata), prefix_(architecture + ".") {}

  const std::string& file_name() const { return metadata_.file_name(); }
  bool has(const std::string& name) const { return metadata_.contains(ask(name)); }

  int integer(const std::string& name, int low, int high) const;
  int integer_or(const std::string& name, int otherwise, int low, int high) const;
  float real_or(const std::string& name, double otherwise, double low, double high) const;
  std::string text_or(const std::string& name, const std::string& otherwise) const;
  bool flag_or(const std::string& name, bool otherwise) const;

  // One number for all layers, or one number for each that is the same for all.
  int per_layer(const std::string& name, int n_layers, int low, int high) const;

  // A flag for each layer: the file's own array, or the file's period or `period`, of which the last layer is false.
  std::vector<bool> pattern(const std::string& name, int n_layers, int period) const;

  [[noreturn]] void bad(const std::string& name, const std::string& found, const std::string& expected) const;
  [[noreturn]] void unsupported(const std::string& name, const std::string& found, const std::string& known) const;

  // Fails with the name of a key that nobody asked for, unless it can change nothing.
  void refuse_unread() const;

 private:
  std::string ask(const std::string& name) const;
  int checked(const std::string& name, uint64_t value, int low, int high) const;
  bool says_nothing(const gguf::Metadata::Entry& entry) const;

  const gguf::Metadata& metadata_;
  std::string prefix_;
  mutable std::set<std::string> asked_;
};

}  // namespace fluxmlx::model
