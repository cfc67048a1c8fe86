// Blocks of 32 weights with one scale, and in the _1 types an offset.
#include <cmath>
#include <cstring>

#include "quant/encode/fit.h"
#include "quant/encode/formats.h"

namespace fluxmlx::quant {
namespace {

constexpr int kBlock = 32;

struct Halves {
  Half scale, offset;  // the offset is what is added
};

float error_of(const float* x, const Halves& halves, Codes codes) noexcept {
  return error_of(x, kBlock, {halves.scale.value, -halves.offset.value}, codes);
}

void keep_better(const float* x, const Halves& trial, Codes codes, Halves& best, float& least) noexcept {
  const float error = error_of(x, trial, codes);
  if (!(error < least)) return;
  least = error;
  best = trial;
}

// The scale that takes the extreme to the code furthest from zero, or one that fits better.
Halves scale_only(const float* x, Codes codes) noexcept {
  Halves best;
  float least = error_of(x, best, codes);
  keep_better(x, {to_half(extremes(x, kBlock).furthest / codes.low), {}}, codes, best, least);
  keep_better(x, {to_half(fit_scale(x, kBlock, codes)), {}}, codes, best, least);
  return best;
}

// The line through the least and the greatest value, or one that fits better.
Halves scale_and_offset(const float* x, Codes codes) noexcept {
  float low = x[0];
  float high = x[0];
  for (int i = 1; i < kBlock; ++i) {
    low = std::fmin(low, x[i]);
    high = std::fmax(high, x[i]);
  }
  Halves best;
  float least = error_of(x, best, codes);
  keep_better(x, {{}, to_half(low)}, codes, best, least);
  keep_better(x, {to_half((high - low) / codes.high), to_half(low)}, codes, best, least);
  const Line line = fit_line(x, kBlock, codes.high, false);
  keep_better(x, {to_half(line.scale), to_half(-line.offset)}, codes, best, least);
  return best;
}

std::byte* put(std::byte* out, const void* data, size_t size) noexcept {
  std::memcpy(out, data, size);
  return out + size;
}

// The low four bits of all, in sixteen bytes.
std::byte* put_nibbles(std::byte* out, const uint8_t* q) noexcept {
  for (int i = 0; i < kBlock / 2; ++i) {
    out[i] = static_cast<std::byte>((q[i] & 15) | (q[i + kBlock / 2] & 15) << 4);
  }
  return out + kBlock / 2;
}

// The fifth bits of all, in four bytes.
std::byte* put_fifths(std::byte* out, const uint8_t* q) noexcept {
  uint32_t bits = 0;
  for (int i = 0; i < kBlock; ++i) bits |= static_cast<uint32_t>(q[i] >> 4) << i;
  return put(out, &bits, sizeof bits);
}

// How the _0 and _1 types of four and five bits lie: scale, offset, fifth bits, nibbles.
template <bool has_offset, bool has_fifths>
void encode_blocks(const float* values, int64_t n, std::byte* out) noexcept {
  constexpr float half_of_codes = has_fifths ? 16 : 8;
  constexpr Codes codes = has_offset ? Codes{0, 2 * half_of_codes - 1} : Codes{-half_of_codes, half_of_codes - 1};
  for (const float* x = values; x != values + n; x += kBlock) {
    const Halves halves = has_offset ? scale_and_offset(x, codes) : scale_only(x, codes);
    uint8_t q[kBlock];
    write_codes(x, kBlock, {halves.scale.value, -halves.offset.value}, codes, q);
    out = put(out, &halves.scale.bits, 2);
    if (has_offset) out = put(out, &halves.offset.bits, 2);
    if (has_fifths) out = put_fifths(out, q);
    out = put_nibbles(out, q);
  }
}

}  // namespace

void encode_q4_0(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_blocks<false, false>(values, n, blocks);
}

void encode_q4_1(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_blocks<true, false>(values, n, blocks);
}

void encode_q5_0(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_blocks<false, true>(values, n, blocks);
}

void encode_q5_1(const float* values, int64_t n, std::byte* blocks) noexcept {
  encode_blocks<true, true>(values, n, blocks);
}

void encode_q8_0(const float* values, int64_t n, std::byte* blocks) noexcept {
  constexpr Codes codes{-127, 127};
  for (const float* x = values; x != values + n; x += kBlock) {
    const Halves halves = scale_only(x, codes);
    uint8_t q[kBlock];
    write_codes(x, kBlock, {halves.scale.value, 0}, codes, q);
    blocks = put(blocks, &halves.scale.bits, 2);
    for (const uint8_t code : q) *blocks++ = static_cast<std::byte>(code - 127);
  }
}

}  // namespace fluxmlx::quant
