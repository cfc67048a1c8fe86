#include "gguf/metadata.h"

#include <limits>
#include <optional>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"

namespace fluxmlx::gguf {
namespace {

constexpr const char* kUint = "a non-negative integer";
constexpr const char* kInt = "an integer that fits in 64 signed bits";
constexpr const char* kFloat = "a number";
constexpr const char* kBool = "a BOOL";
constexpr const char* kString = "a STRING";

template <class T>
constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <class T>
std::optional<uint64_t> to_uint(const T& value) {
  if constexpr (kIsInteger<T>) {
    if (value >= 0) return static_cast<uint64_t>(value);
  }
  return std::nullopt;
}

template <class T>
std::optional<int64_t> to_int(const T& value) {
  if constexpr (std::is_same_v<T, uint64_t>) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  }
  if constexpr (kIsInteger<T>) return static_cast<int64_t>(value);
  return std::nullopt;
}

template <class T>
std::optional<double> to_float(const T& value) {
  if constexpr (kIsInteger<T> || std::is_floating_point_v<T>) return static_cast<double>(value);
  return std::nullopt;
}

template <class T>
std::optional<bool> to_bool(const T& value) {
  if constexpr (std::is_same_v<T, bool>) return value;
  return std::nullopt;
}

std::string subject(const std::string& file, const Metadata::Entry& entry) {
  return concat(file, ": key ", quoted(entry.key), " at offset ", entry.offset);
}

// Converts a scalar, or says what was found instead.
template <class Convert>
auto convert(const std::string& file, const Metadata::Entry& entry, const char* expected, Convert to) {
  const auto found = std::visit([&](const auto& value) { return to(value); }, entry.value);
  if (!found) {
    fail(ErrorCode::invalid_file, subject(file, entry), " is ", describe(entry.value), "; expected ", expected);
  }
  return *found;
}

// Converts every element of an array, or says which one cannot be.
template <class Out, class Convert>
std::vector<Out> convert_array(const std::string& file, const Metadata::Entry& entry, const char* expected,
                               Convert to) {
  const auto* array = std::get_if<Array>(&entry.value);
  if (array == nullptr) {
    fail(ErrorCode::invalid_file, subject(file, entry), " is ", describe(entry.value), "; expected an array, each ",
         "element ", expected);
  }
  return std::visit(
      [&](const auto& elements) {
        using Element = typename std::decay_t<decltype(elements)>::value_type;
        std::vector<Out> out;
        out.reserve(elements.size());
        for (size_t i = 0; i < elements.size(); ++i) {
          const Element element = elements[i];
          const auto converted = to(element);
          if (!converted) {
            fail(ErrorCode::invalid_file, subject(file, entry), ": element ", i, " is ", describe(Value(element)),
                 "; expected ", expected);
          }
          out.push_back(*converted);
        }
        return out;
      },
      array->data);
}

// The conversions as objects, so that each can be handed on for every type at once.
constexpr auto kToUint = [](const auto& value) { return to_uint(value); };
constexpr auto kToInt = [](const auto& value) { return to_int(value); };
constexpr auto kToFloat = [](const auto& value) { return to_float(value); };
constexpr auto kToBool = [](const auto& value) { return to_bool(value); };

}  // namespace

const Metadata::Entry* Metadata::find_entry(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

const Value* Metadata::find(std::string_view key) const {
  const Entry* entry = find_entry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

void Metadata::add(Entry entry) {
  const auto [at, is_new] = index_.try_emplace(entry.key, entries_.size());
  if (!is_new) {
    fail(ErrorCode::invalid_file, subject(file_name_, entry), " is a duplicate: pair ", entries_.size(),
         " repeats the key of pair ", at->second, "; expected every key once");
  }
  entries_.push_back(std::move(entry));
}

const Metadata::Entry& Metadata::require(std::string_view key, const char* expected) const {
  const Entry* entry = find_entry(key);
  if (entry == nullptr) {
    fail(ErrorCode::invalid_file, file_name_, ": key ", quoted(key), " is missing; expected ", expected);
  }
  return *entry;
}

std::string Metadata::get_string(std::string_view key) const {
  const Entry& entry = require(key, kString);
  const auto* text = std::get_if<std::string>(&entry.value);
  if (text == nullptr) {
    fail(ErrorCode::invalid_file, subject(file_name_, entry), " is ", describe(entry.value), "; expected ", kString);
  }
  return *text;
}

std::string Metadata::get_string_or(std::string_view key, std::string_view otherwise) const {
  return contains(key) ? get_string(key) : std::string(otherwise);
}

uint64_t Metadata::get_uint(std::string_view key) const {
  return convert(file_name_, require(key, kUint), kUint, kToUint);
}

uint64_t Metadata::get_uint_or(std::string_view key, uint64_t otherwise) const {
  return contains(key) ? get_uint(key) : otherwise;
}

int64_t Metadata::get_int(std::string_view key) const { return convert(file_name_, require(key, kInt), kInt, kToInt); }

int64_t Metadata::get_int_or(std::string_view key, int64_t otherwise) const {
  return contains(key) ? get_int(key) : otherwise;
}

double Metadata::get_float(std::string_view key) const {
  return convert(file_name_, require(key, kFloat), kFloat, kToFloat);
}

double Metadata::get_float_or(std::string_view key, double otherwise) const {
  return contains(key) ? get_float(key) : otherwise;
}

bool Metadata::get_bool(std::string_view key) const { return convert(file_name_, require(key, kBool), kBool, kToBool); }

bool Metadata::get_bool_or(std::string_view key, bool otherwise) const {
  return contains(key) ? get_bool(key) : otherwise;
}

bool Metadata::is_array(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && std::holds_alternative<Array>(*value);
}

std::vector<uint64_t> Metadata::get_uint_array(std::string_view key) const {
  return convert_array<uint64_t>(file_name_, require(key, "an array"), kUint, kToUint);
}

std::vector<int64_t> Metadata::get_int_array(std::string_view key) const {
  return convert_array<int64_t>(file_name_, require(key, "an array"), kInt, kToInt);
}

std::vector<double> Metadata::get_float_array(std::string_view key) const {
  return convert_array<double>(file_name_, require(key, "an array"), kFloat, kToFloat);
}

std::vector<bool> Metadata::get_bool_array(std::string_view key) const {
  return convert_array<bool>(file_name_, require(key, "an array"), kBool, kToBool);
}

const std::vector<std::string>& Metadata::get_string_array(std::string_view key) const {
  const Entry& entry = require(key, "an ARRAY[STRING]");
  const auto* array = std::get_if<Array>(&entry.value);
  const auto* strings = array == nullptr ? nullptr : std::get_if<std::vector<std::string>>(&array->data);
  if (strings == nullptr) {
    fail(ErrorCode::invalid_file, subject(file_name_, entry), " is ", describe(entry.value),
         "; expected an ARRAY[STRING]");
  }
  return *strings;
}

}  // namespace fluxmlx::gguf
