// Q2_K, Q4_K and Q5_K: groups with a scale and an offset.
#include <cstring>

#include "quant/encode/formats.h"
#include "quant/encode/super_block.h"

namespace fluxmlx::quant {
namespace {

constexpr SuperFormat kQ2K{16, {0, 3}, {0, 15}, true};
constexpr SuperFormat kQ4K{8, {0, 15}, {0, 63}, true};
constexpr SuperFormat kQ5K{8, {0, 31}, {0, 63}, true};

// {scales[16], crumbs[64], d, dmin}
void write_q2_k(const SuperBlock& block, const uint8_t* q, uint8_t* out) noexcept {
  std::memset(out, 0, 80);
  for (int group = 0; group < kQ2K.n_groups; ++group) {
    out[group] =
        static_cast<uint8_t>(static_cast<int>(block.scales[group]) | static_cast<int>(block.offsets[group]) << 4);
  }
  for (int i = 0; i < kSuperBlock; ++i) {
    out[16 + i / 128 * 32 + i % 32] |= static_cast<uint8_t>(q[i] << (i % 128 / 32 * 2));
  }
  std::memcpy(out + 80, &block.scale.bits, 2);
  std::memcpy(out + 82, &block.offset.bits, 2);
}

// Eight scales and offsets of 6 bits in twelve bytes.
void write_scales(const SuperBlock& block, uint8_t* out) noexcept {
  std::memset(out, 0, 12);
  for (int group = 0; group < 8; ++group) {
    const int scale = static_cast<int>(block.scales[group]);
    const int offset = static_cast<int>(block.offsets[group]);
    if (group < 4) {
      out[group] |= static_cast<uint8_t>(scale);
      out[4 + group] |= static_cast<uint8_t>(offset);
    } else {
      out[4 + group] = static_cast<uint8_t>((scale & 15) | (offset & 15) << 4);
      out[group - 4] |= static_cast<uint8_t>(scale >> 4 << 6);
      out[group] |= static_cast<uint8_t>(offset >> 4 << 6);
    }
  }
}

// 32 bytes hold the low four bits of two groups.
void write_nibbles(const uint8_t* q, uint8_t* out) noexcept {
  for (int i = 0; i < kSuperBlock / 2; ++i) {
    const int at = i / 32 * 64 + i % 32;
    out[i] = static_cast<uint8_t>((q[at] & 15) | (q[at + 32] & 15) << 4);
  }
}

// {d, dmin, scales[12], nibbles[128]}
void write_q4_k(const SuperBlock& block, const uint8_t* q, uint8_t* out) noexcept {
  std::memcpy(out, &block.scale.bits, 2);
  std::memcpy(out + 2, &block.offset.bits, 2);
  write_scales(block, out + 4);
  write_nibbles(q, out + 16);
}

// {d, dmin, scales[12], fifth bits[32], nibbles[128]}
void write_q5_k(const SuperBlock& block, const uint8_t* q, uint8_t* out) noexcept {
  std::memcpy(out, &block.scale.bits, 2);
  std::memcpy(out + 2, &block.offset.bits, 2);
  write_scales(block, out + 4);
  std::memset(out + 16, 0, 32);
  for (int i = 0; i < kSuperBlock; ++i) out[16 + i % 32] |= static_cast<uint8_t>((q[i] >> 4) << (i / 32));
  write_nibbles(q, out + 48);
}

}  // namespace

void encode_q2_k(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_super_blocks(values, n, kQ2K, 84, blocks, write_q2_k);
}

void encode_q4_k(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_super_blocks(values, n, kQ4K, 144, blocks, write_q4_k);
}

void encode_q5_k(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_super_blocks(values, n, kQ5K, 176, blocks, write_q5_k);
}

}  // namespace fluxmlx::quant
