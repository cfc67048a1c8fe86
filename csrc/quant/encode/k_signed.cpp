// Q3_K and Q6_K: sixteen groups of 16 weights, each with a signed scale.
#include <cstring>

#include "quant/encode/formats.h"
#include "quant/encode/super_block.h"

namespace fluxmlx::quant {
namespace {

constexpr SuperFormat kQ3K{16, {-4, 3}, {-32, 31}, false};
constexpr SuperFormat kQ6K{16, {-32, 31}, {-128, 127}, false};

// {high bits[32], crumbs[64], scales[12], d}
void write_q3_k(const SuperBlock& block, const uint8_t* q, uint8_t* out) noexcept {
  std::memset(out, 0, 108);
  for (int i = 0; i < kSuperBlock; ++i) {
    const int in_half = i % 128;
    out[i % 32] |= static_cast<uint8_t>((q[i] >> 2) << (i / 32));
    out[32 + i / 128 * 32 + in_half % 32] |= static_cast<uint8_t>((q[i] & 3) << (in_half / 32 * 2));
  }
  for (int group = 0; group < kQ3K.n_groups; ++group) {
    const int scale = static_cast<int>(block.scales[group]) + 32;
    out[96 + group % 8] |= static_cast<uint8_t>((scale & 15) << (group / 8 * 4));
    out[104 + group % 4] |= static_cast<uint8_t>((scale >> 4) << (group / 4 * 2));
  }
  std::memcpy(out + 108, &block.scale.bits, 2);
}

// {nibbles[128], high crumbs[64], signed scales[16], d}
void write_q6_k(const SuperBlock& block, const uint8_t* q, uint8_t* out) noexcept {
  std::memset(out, 0, 192);
  for (int i = 0; i < kSuperBlock; ++i) {
    const int half = i / 128;
    const int part = i % 128 / 32;
    out[half * 64 + part % 2 * 32 + i % 32] |= static_cast<uint8_t>((q[i] & 15) << (part / 2 * 4));
    out[128 + half * 32 + i % 32] |= static_cast<uint8_t>((q[i] >> 4) << (part * 2));
  }
  for (int group = 0; group < kQ6K.n_groups; ++group) {
    out[192 + group] = static_cast<uint8_t>(static_cast<int>(block.scales[group]));
  }
  std::memcpy(out + 208, &block.scale.bits, 2);
}

}  // namespace

void encode_q3_k(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_super_blocks(values, n, kQ3K, 110, blocks, write_q3_k);
}

void encode_q6_k(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_super_blocks(values, n, kQ6K, 210, blocks, write_q6_k);
}

}  // namespace fluxmlx::quant
