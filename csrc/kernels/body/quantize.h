#pragma once

#include "kernels/activations.h"

// Activations as 8-bit numbers with one scale per block: q = x * (127 / largest), to nearest, ties to even. The scale
// is the one with the least squared error for these q.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// 127 / largest. Zero for a block that has no q: its numbers are too small to divide by, or one is not finite.
inline float inverse_scale(int largest_bits) {
  constexpr int infinity = 0x7f800000, least = 0x00800000 + (12 << 23);
  if (largest_bits < least || largest_bits >= infinity) return 0;
  float largest;
  __builtin_memcpy(&largest, &largest_bits, sizeof largest);
  return 127.0f / largest;
}

// The scale of a block without q.
inline float scale_without_codes(int largest_bits) { return largest_bits >= 0x7f800000 ? __builtin_nanf("") : 0.0f; }

// The four vectors of 32 numbers.
inline void load_32(const float* x, F8 (&part)[4]) {
  for (int i = 0; i < 4; ++i) part[i] = load(x + 8 * i);
}

inline I8 largest_of_32(const F8 (&part)[4]) {
  return max(max(magnitude_bits(part[0]), magnitude_bits(part[1])),
             max(magnitude_bits(part[2]), magnitude_bits(part[3])));
}

// Sums over a block in eight lanes.
struct Fit {
  F8 xq = broadcast(0), qq = broadcast(0);
  float scale() const {
    float sums[4];  // four take the steps of one; the last two are not needed
    reduce_add4(xq, qq, xq, qq, sums);
    return sums[0] / sums[1];
  }
};

// Codes of 32 numbers.
inline void encode_32(const F8 (&part)[4], float inverse, int8_t* q, Fit& fit) {
  I8 rounded[4];
  for (int i = 0; i < 4; ++i) {
    rounded[i] = round_to_int(mul(part[i], broadcast(inverse)));
    const F8 code = to_float(rounded[i]);
    fit.xq = fma(part[i], code, fit.xq);
    fit.qq = fma(code, code, fit.qq);
  }
  store_low_bytes(q, rounded[0], rounded[1], rounded[2], rounded[3]);
}

// Two numbers of 16 bits with one store: put_block loads both at once, and would have to wait for two.
inline void store_pair(int16_t* p, int first, int second) {
  const uint32_t both = static_cast<uint16_t>(first) | static_cast<uint32_t>(second) << 16;
  __builtin_memcpy(p, &both, sizeof both);
}

// Block number `index` of a row, among the blocks of its group.
template <class Block>
inline void put_block(const Block& block, int64_t index, const GroupPlace& place) {
  constexpr int units = sizeof(Block) / 4;
  const auto* from = reinterpret_cast<const std::byte*>(&block);
  std::byte* to = place.group + (index * units * place.size + place.token) * 4;
  for (int u = 0; u < units; ++u, from += 4, to += 4 * place.size) __builtin_memcpy(to, from, 4);
}

inline Block32 quantize_block_32(const float* x) {
  F8 part[4];
  load_32(x, part);
  const int largest = reduce_max(largest_of_32(part));
  const float inverse = inverse_scale(largest);
  if (inverse == 0) {
    const float scale = scale_without_codes(largest);
    return {scale, scale, {}, 0, {}};
  }
  Block32 block;
  Fit fit;
  encode_32(part, inverse, block.q, fit);
  block.scale = fit.scale();
  int32_t sums[2];
  sum_halves(block.q, sums);
  const int sum = sums[0] + sums[1];
  store_pair(block.sums16, sums[0], sums[1]);
  block.lowered = -8 * sum;
  block.sum = block.scale * static_cast<float>(sum);
  return block;
}

inline void quantize_32(const float* x, int64_t n, const GroupPlace& place) {
  for (int64_t b = 0; b < n / 32; ++b) put_block(quantize_block_32(x + 32 * b), b, place);
}

inline int largest_of_256(const float* x) {
  I8 largest = magnitude_bits(broadcast(0));
  for (int i = 0; i < 256; i += 32) {
    F8 part[4];
    load_32(x + i, part);
    largest = max(largest, largest_of_32(part));
  }
  return reduce_max(largest);
}

inline Block256 quantize_block_256(const float* x) {
  const int largest = largest_of_256(x);
  const float inverse = inverse_scale(largest);
  if (inverse == 0) return {scale_without_codes(largest), {}, {}, {}};
  Block256 block;
  Fit fit;
  for (int i = 0; i < 256; i += 64) {
    int32_t sums[2][2];
    for (int j = 0; j < 2; ++j) {
      F8 part[4];
      load_32(x + i + 32 * j, part);
      encode_32(part, inverse, block.q + i + 32 * j, fit);
      sum_halves(block.q + i + 32 * j, sums[j]);
      store_pair(block.sums16 + i / 16 + 2 * j, sums[j][0], sums[j][1]);
    }
    store_pair(block.sums32 + i / 32, sums[0][0] + sums[0][1], sums[1][0] + sums[1][1]);
  }
  block.scale = fit.scale();
  return block;
}

inline void quantize_256(const float* x, int64_t n, const GroupPlace& place) {
  for (int64_t b = 0; b < n / 256; ++b) put_block(quantize_block_256(x + 256 * b), b, place);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
