#include "gguf/value.h"

#include <array>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"

namespace fluxmlx::gguf {
namespace {

constexpr std::array<const char*, kValueTypes> kNames = {
    "UINT8", "INT8",   "UINT16", "INT16",  "UINT32", "INT32",   "FLOAT32",
    "BOOL",  "STRING", "ARRAY",  "UINT64", "INT64",  "FLOAT64",
};

template <ValueType type, class T>
constexpr bool kHolds = std::is_same_v<std::variant_alternative_t<static_cast<size_t>(type), Value>, T>;
static_assert(kHolds<ValueType::UINT8, uint8_t> && kHolds<ValueType::INT8, int8_t>);
static_assert(kHolds<ValueType::UINT16, uint16_t> && kHolds<ValueType::INT16, int16_t>);
static_assert(kHolds<ValueType::UINT32, uint32_t> && kHolds<ValueType::INT32, int32_t>);
static_assert(kHolds<ValueType::FLOAT32, float> && kHolds<ValueType::BOOL, bool>);
static_assert(kHolds<ValueType::STRING, std::string> && kHolds<ValueType::ARRAY, Array>);
static_assert(kHolds<ValueType::UINT64, uint64_t> && kHolds<ValueType::INT64, int64_t>);
static_assert(kHolds<ValueType::FLOAT64, double> && std::variant_size_v<Value> == kValueTypes);

struct Describe {
  std::string operator()(const std::string& text) const { return quoted(text); }
  std::string operator()(const Array& array) const { return concat("of ", array.size(), " elements"); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  template <class T>
  std::string operator()(T number) const {
    return concat(+number);  // the plus turns 8-bit integers into numbers instead of characters
  }
};

}  // namespace

uint64_t Array::size() const noexcept {
  return std::visit([](const auto& elements) -> uint64_t { return elements.size(); }, data);
}

ValueType Array::element_type() const noexcept {
  const auto index = static_cast<uint32_t>(data.index());
  return static_cast<ValueType>(index < static_cast<uint32_t>(ValueType::ARRAY) ? index : index + 1);
}

ValueType type_of(const Value& value) noexcept { return static_cast<ValueType>(value.index()); }

const char* type_name(ValueType type) noexcept {
  const auto id = static_cast<uint32_t>(type);
  return id < kNames.size() ? kNames[id] : "unknown";
}

std::string type_name(const Value& value) {
  const auto* array = std::get_if<Array>(&value);
  if (array == nullptr) return type_name(type_of(value));
  return concat("ARRAY[", type_name(array->element_type()), "]");
}

std::string describe(const Value& value) { return concat(type_name(value), " ", std::visit(Describe{}, value)); }

}  // namespace fluxmlx::gguf
