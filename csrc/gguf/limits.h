#pragma once

#include <cstdint>

namespace fluxmlx::gguf {

// What a file may ask of us, far above what real models need. Every count is also held against the bytes that
// are left in the file before anything is allocated for it.
inline constexpr uint64_t kMaxKeys = 65536;
inline constexpr uint64_t kMaxTensors = 65536;
inline constexpr uint64_t kMaxKeyBytes = 65535;
inline constexpr uint64_t kMaxStringBytes = uint64_t{64} << 20;
inline constexpr uint64_t kMaxArrayElements = uint64_t{16} << 20;
inline constexpr uint64_t kMaxNameBytes = 63;
inline constexpr uint32_t kMaxDims = 4;
inline constexpr uint64_t kMaxShards = 1024;
inline constexpr uint64_t kMinAlignment = 8;
inline constexpr uint64_t kMaxAlignment = 65536;
inline constexpr uint32_t kDefaultAlignment = 32;

// The fewest bytes that one entry can take: length + 1 byte of key + type + 1 byte of value, and
// length + 1 byte of name + n_dims + one dimension + type + offset.
inline constexpr uint64_t kMinKeyEntryBytes = 8 + 1 + 4 + 1;
inline constexpr uint64_t kMinTensorEntryBytes = 8 + 1 + 4 + 8 + 4 + 8;

}  // namespace fluxmlx::gguf
