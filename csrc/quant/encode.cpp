#include "quant/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "quant/encode/formats.h"

namespace fluxmlx::quant {
namespace {

constexpr int64_t kChunk = 4096;  // weights that a thread takes at a time, a multiple of every block size

void check(const TensorTypeInfo& info, std::span<const float> values, std::span<std::byte> blocks) {
  if (find_encode(info.type) == nullptr) {
    fail(ErrorCode::unsupported, "this build cannot write tensors of type ", info.name);
  }
  if (values.size() % info.block_size != 0) {
    fail(ErrorCode::invalid_argument, values.size(), " values are not whole blocks of ", info.block_size, ", of which ",
         info.name, " is made");
  }
  if (blocks.size() != values.size() / info.block_size * info.block_bytes) {
    fail(ErrorCode::invalid_argument, values.size(), " values take ",
         values.size() / info.block_size * info.block_bytes, " bytes as ", info.name, ", but the output has room for ",
         blocks.size());
  }
}

// The first value of a part that the type cannot hold, or its length.
int64_t first_beyond(const float* values, int64_t n, float greatest) noexcept {
  float most = 0;
  bool is_number = true;
  for (int64_t i = 0; i < n; ++i) {
    most = std::max(most, std::fabs(values[i]));
    is_number &= values[i] == values[i];
  }
  if (is_number && most <= greatest) return n;
  return std::find_if(values, values + n, [&](float v) { return !(std::fabs(v) <= greatest); }) - values;
}

}  // namespace

EncodeFn find_encode(TensorType type) noexcept {
  switch (type) {
    case TensorType::F32:
      return encode_f32;
    case TensorType::F16:
      return encode_f16;
    case TensorType::BF16:
      return encode_bf16;
    case TensorType::Q4_0:
      return encode_q4_0;
    case TensorType::Q4_1:
      return encode_q4_1;
    case TensorType::Q5_0:
      return encode_q5_0;
    case TensorType::Q5_1:
      return encode_q5_1;
    case TensorType::Q8_0:
      return encode_q8_0;
    case TensorType::Q2_K:
      return encode_q2_k;
    case TensorType::Q3_K:
      return encode_q3_k;
    case TensorType::Q4_K:
      return encode_q4_k;
    case TensorType::Q5_K:
      return encode_q5_k;
    case TensorType::Q6_K:
      return encode_q6_k;
    default:
      return nullptr;
  }
}

float greatest_value(TensorType type) noexcept {
  if (type == TensorType::F32) return std::numeric_limits<float>::max();
  if (type == TensorType::BF16) return 0x1.fep127f;
  return 65504.0f;  // of float16, in which all other types hold their scales
}

void encode(TensorType type, std::span<const float> values, std::span<std::byte> blocks, ThreadPool& pool) {
  const TensorTypeInfo& info = tensor_type_info(type);
  check(info, values, blocks);
  const EncodeFn function = find_encode(type);
  const float greatest = greatest_value(type);
  const auto n = static_cast<int64_t>(values.size());
  pool.parallel_for((n + kChunk - 1) / kChunk, [&](int64_t chunk, int) {
    const int64_t begin = chunk * kChunk;
    const int64_t count = std::min(kChunk, n - begin);
    const float* part = values.data() + begin;
    if (const int64_t at = first_beyond(part, count, greatest); at < count) {
      fail(ErrorCode::invalid_argument, "value ", begin + at, " is ", part[at], "; ", info.name,
           " holds finite numbers to ", greatest);
    }
    function(part, count, blocks.data() + begin / info.block_size * info.block_bytes);
  });
}

}  // namespace fluxmlx::quant
