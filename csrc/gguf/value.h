#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace fluxmlx::gguf {

// The type ids of the file format; a Value's index() is its id.
enum class ValueType : uint32_t {
  UINT8 = 0,
  INT8 = 1,
  UINT16 = 2,
  INT16 = 3,
  UINT32 = 4,
  INT32 = 5,
  FLOAT32 = 6,
  BOOL = 7,
  STRING = 8,
  ARRAY = 9,
  UINT64 = 10,
  INT64 = 11,
  FLOAT64 = 12,
};
inline constexpr uint32_t kValueTypes = 13;

struct Array;
using Value = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool, std::string, Array,
                           uint64_t, int64_t, double>;

// An array of one scalar or string type. Arrays of arrays are refused when a file is read.
struct Array {
  // The order of Value without Array itself.
  using Data = std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>, std::vector<int16_t>,
                            std::vector<uint32_t>, std::vector<int32_t>, std::vector<float>, std::vector<bool>,
                            std::vector<std::string>, std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>>;
  Data data;

  uint64_t size() const noexcept;
  ValueType element_type() const noexcept;
};

ValueType type_of(const Value& value) noexcept;

// "UINT32", "STRING", ...
const char* type_name(ValueType type) noexcept;

// The same for a value, with the elements of an array: "ARRAY[STRING]".
std::string type_name(const Value& value);

// Type and value for a message: UINT32 7, STRING "llama", ARRAY[STRING] of 3 elements.
std::string describe(const Value& value);

}  // namespace fluxmlx::gguf
