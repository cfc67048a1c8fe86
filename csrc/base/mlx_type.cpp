#include "base/mlx_type.h"

namespace fluxmlx {
namespace {

constexpr MlxType affine_type(uint32_t index) {
  const int bits = kAffineBits[index / 9], group_size = kAffineGroups[index / 3 % 3];
  const TensorType scale = kAffineScales[index % 3];
  const int number_bytes = scale == TensorType::F32 ? 4 : 2;
  return {MlxMode::affine, bits, group_size, scale, number_bytes, number_bytes, group_size * bits / 8};
}

constexpr std::array<MlxType, kMlxTypes> make_types() {
  std::array<MlxType, kMlxTypes> types;
  for (uint32_t i = 0; i < kAffineTypes; ++i) types[i] = affine_type(i);
  types[kAffineTypes] = {MlxMode::mxfp4, 4, 32, TensorType::I8, 1, 0, 16};
  types[kAffineTypes + 1] = {MlxMode::mxfp8, 8, 32, TensorType::I8, 1, 0, 32};
  types[kAffineTypes + 2] = {MlxMode::nvfp4, 4, 16, TensorType::I8, 4, 0, 32};
  return types;
}
constexpr std::array<MlxType, kMlxTypes> kTypes = make_types();

struct Name {
  char text[24] = {};
  int length = 0;

  constexpr void add(const char* part) {
    while (*part != 0) text[length++] = *part++;
  }
  constexpr void add(int number) {
    if (number >= 10) add(number / 10);
    text[length++] = static_cast<char>('0' + number % 10);
  }
};

constexpr std::array<Name, kMlxTypes> make_names() {
  std::array<Name, kMlxTypes> names;
  for (uint32_t i = 0; i < kAffineTypes; ++i) {
    names[i].add("affine ");
    names[i].add(kTypes[i].bits);
    names[i].add(" bit g");
    names[i].add(kTypes[i].group_size);
    names[i].add(kTypes[i].scale == TensorType::F32 ? " F32" : kTypes[i].scale == TensorType::F16 ? " F16" : " BF16");
  }
  names[kAffineTypes].add("mxfp4");
  names[kAffineTypes + 1].add("mxfp8");
  names[kAffineTypes + 2].add("nvfp4");
  return names;
}
constexpr std::array<Name, kMlxTypes> kNames = make_names();

constexpr std::array<TensorTypeInfo, kMlxTypes> make_rows() {
  std::array<TensorTypeInfo, kMlxTypes> rows = {};
  for (uint32_t i = 0; i < kMlxTypes; ++i) {
    const MlxType& type = kTypes[i];
    rows[i] = {mlx_type_at(i), kNames[i].text, static_cast<uint32_t>(type.code_bytes * 8 / type.bits),
               static_cast<uint32_t>(type.scale_bytes + type.bias_bytes + type.code_bytes)};
  }
  return rows;
}
constexpr std::array<TensorTypeInfo, kMlxTypes> kRows = make_rows();

}  // namespace

const MlxType* find_mlx_type(TensorType type) noexcept {
  const uint32_t index = static_cast<uint32_t>(type) - kFirstMlxType;
  return index < kMlxTypes ? &kTypes[index] : nullptr;
}

std::span<const TensorTypeInfo> mlx_types() noexcept { return kRows; }

}  // namespace fluxmlx
