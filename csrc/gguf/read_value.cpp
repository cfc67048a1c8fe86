#include "gguf/read_value.h"

#include <algorithm>

#include "gguf/limits.h"

namespace fluxmlx::gguf {
namespace {

ValueType read_type(Cursor& cursor, const char* field) {
  const uint64_t start = cursor.offset();
  const auto id = cursor.read<uint32_t>(field);
  if (id >= kValueTypes) {
    cursor.fail_at(start, "unknown ", field, " ", id, "; expected 0 (UINT8) to ", kValueTypes - 1, " (FLOAT64)");
  }
  return static_cast<ValueType>(id);
}

// A byte other than 0 and 1 is not a bool, and must never become one.
void check_bool(const Cursor& cursor, std::byte byte, uint64_t offset) {
  if (byte > std::byte{1}) cursor.fail_at(offset, "BOOL has the value ", int(byte), "; expected 0 or 1");
}

bool read_bool(Cursor& cursor) {
  const uint64_t start = cursor.offset();
  const std::byte byte = cursor.take(1, "BOOL value")[0];
  check_bool(cursor, byte, start);
  return byte == std::byte{1};
}

std::string read_text(Cursor& cursor, const char* field) {
  return std::string(cursor.read_string(field, kMaxStringBytes));
}

template <class T>
Array read_numbers(Cursor& cursor) {
  const uint64_t n = cursor.read_count("element count", sizeof(T), kMaxArrayElements);
  const auto bytes = cursor.take(n * sizeof(T), "array");  // n is limited, so the product is small
  std::vector<T> elements(n);
  if (n > 0) std::memcpy(elements.data(), bytes.data(), bytes.size());
  return Array{std::move(elements)};
}

Array read_bools(Cursor& cursor) {
  const uint64_t n = cursor.read_count("element count", 1, kMaxArrayElements);
  const uint64_t start = cursor.offset();
  const auto bytes = cursor.take(n, "array");
  for (uint64_t i = 0; i < n; ++i) check_bool(cursor, bytes[i], start + i);
  std::vector<bool> elements(n);
  std::transform(bytes.begin(), bytes.end(), elements.begin(), [](std::byte byte) { return byte == std::byte{1}; });
  return Array{std::move(elements)};
}

Array read_strings(Cursor& cursor) {
  const uint64_t n = cursor.read_count("element count", sizeof(uint64_t), kMaxArrayElements);
  std::vector<std::string> elements;
  elements.reserve(n);
  for (uint64_t i = 0; i < n; ++i) elements.push_back(read_text(cursor, "string in an array"));
  return Array{std::move(elements)};
}

Array read_array(Cursor& cursor) {
  const uint64_t start = cursor.offset();
  const ValueType type = read_type(cursor, "array element type");
  switch (type) {
    case ValueType::UINT8:
      return read_numbers<uint8_t>(cursor);
    case ValueType::INT8:
      return read_numbers<int8_t>(cursor);
    case ValueType::UINT16:
      return read_numbers<uint16_t>(cursor);
    case ValueType::INT16:
      return read_numbers<int16_t>(cursor);
    case ValueType::UINT32:
      return read_numbers<uint32_t>(cursor);
    case ValueType::INT32:
      return read_numbers<int32_t>(cursor);
    case ValueType::FLOAT32:
      return read_numbers<float>(cursor);
    case ValueType::BOOL:
      return read_bools(cursor);
    case ValueType::STRING:
      return read_strings(cursor);
    case ValueType::UINT64:
      return read_numbers<uint64_t>(cursor);
    case ValueType::INT64:
      return read_numbers<int64_t>(cursor);
    case ValueType::FLOAT64:
      return read_numbers<double>(cursor);
    case ValueType::ARRAY:
      break;
  }
  cursor.unsupported_at(start, "nested array: the element type is 9 (ARRAY); expected a scalar or STRING type");
}

}  // namespace

Value read_value(Cursor& cursor) {
  switch (read_type(cursor, "value type")) {
    case ValueType::UINT8:
      return cursor.read<uint8_t>("UINT8 value");
    case ValueType::INT8:
      return cursor.read<int8_t>("INT8 value");
    case ValueType::UINT16:
      return cursor.read<uint16_t>("UINT16 value");
    case ValueType::INT16:
      return cursor.read<int16_t>("INT16 value");
    case ValueType::UINT32:
      return cursor.read<uint32_t>("UINT32 value");
    case ValueType::INT32:
      return cursor.read<int32_t>("INT32 value");
    case ValueType::FLOAT32:
      return cursor.read<float>("FLOAT32 value");
    case ValueType::BOOL:
      return read_bool(cursor);
    case ValueType::STRING:
      return read_text(cursor, "STRING value");
    case ValueType::ARRAY:
      return read_array(cursor);
    case ValueType::UINT64:
      return cursor.read<uint64_t>("UINT64 value");
    case ValueType::INT64:
      return cursor.read<int64_t>("INT64 value");
    case ValueType::FLOAT64:
      return cursor.read<double>("FLOAT64 value");
  }
  cursor.fail_at(cursor.offset(), "unknown value type");
}

}  // namespace fluxmlx::gguf
