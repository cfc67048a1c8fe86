#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/value.h"

namespace fluxmlx::gguf {

// The key-value pairs of a file, in its order. A getter fails with ErrorCode::invalid_file, and names the file,
// the key, what was found and what is expected.
class Metadata {
 public:
  struct Entry {
    std::string key;
    Value value;
    uint64_t offset = 0;  // of the key in the file
  };

  explicit Metadata(std::string file_name = "metadata") : file_name_(std::move(file_name)) {}

  const std::string& file_name() const noexcept { return file_name_; }
  const std::vector<Entry>& entries() const noexcept { return entries_; }
  bool contains(std::string_view key) const { return find_entry(key) != nullptr; }
  const Value* find(std::string_view key) const;
  const Entry* find_entry(std::string_view key) const;

  // Appends a pair; the key must be new.
  void add(Entry entry);

  std::string get_string(std::string_view key) const;
  std::string get_string_or(std::string_view key, std::string_view otherwise) const;

  // Any integer type, as long as the value is not negative.
  uint64_t get_uint(std::string_view key) const;
  uint64_t get_uint_or(std::string_view key, uint64_t otherwise) const;

  // Any integer type, as long as the value fits.
  int64_t get_int(std::string_view key) const;
  int64_t get_int_or(std::string_view key, int64_t otherwise) const;

  // FLOAT32, FLOAT64 or any integer type; NaN and infinities come through, the caller knows the range.
  double get_float(std::string_view key) const;
  double get_float_or(std::string_view key, double otherwise) const;

  bool get_bool(std::string_view key) const;
  bool get_bool_or(std::string_view key, bool otherwise) const;

  // Whether the key is there and holds an array: some keys are one number or one number for each layer.
  bool is_array(std::string_view key) const;
  std::vector<uint64_t> get_uint_array(std::string_view key) const;
  std::vector<int64_t> get_int_array(std::string_view key) const;
  std::vector<double> get_float_array(std::string_view key) const;
  std::vector<bool> get_bool_array(std::string_view key) const;
  // By reference: vocabularies have hundreds of thousands of strings.
  const std::vector<std::string>& get_string_array(std::string_view key) const;

 private:
  const Entry& require(std::string_view key, const char* expected) const;

  std::string file_name_;
  std::vector<Entry> entries_;
  std::map<std::string, size_t, std::less<>> index_;
};

}  // namespace fluxmlx::gguf
