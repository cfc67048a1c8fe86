#pragma once

#include "kernels/avx2/codes.h"
#include "kernels/avx2/dequantize_32.h"

// Types with super-blocks of 256 weights; quant/body/ says what the blocks hold.
namespace fluxmlx::kernels::FLUXMLX_ISA {

// factor * scale of 16 groups, signed or not, as floats in memory: each is later broadcast from there.
inline void scale_groups(__m128i scales, __m256 factor, float* out) { store_scaled(scales, factor, out); }

inline void dequantize_q2_k(const std::byte* blocks, int64_t n, float* y) {
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 256, block += 84) {
    float scale[16], offset[16];
    const __m128i packed = load_codes(block);
    scale_groups(low_nibbles(packed), half_everywhere(block + 80), scale);
    scale_groups(high_nibbles(packed), half_everywhere(block + 82), offset);
    for (int part = 0; part < 4; ++part) {  // 16 bytes of crumbs: four groups, every second one
      const __m128i codes = load_codes(block + 16 + part * 16);
      const int first = part / 2 * 8 + part % 2;
      for (int i = 0; i < 4; ++i) {
        const int group = first + 2 * i;
        store_lowered(bit_field(codes, 2 * i, 3), _mm256_set1_ps(scale[group]), _mm256_set1_ps(offset[group]),
                      y + group * 16);
      }
    }
  }
}

// The 16 scales of a block of Q3_K, less 32.
inline __m128i q3_k_scales(const uint8_t* packed) {
  const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(packed));
  const uint32_t high = quant::FLUXMLX_ISA::load_u32(packed + 8);
  const auto field = [high](int shift) { return static_cast<int>(((high >> shift) & 0x03030303u) << 4); };
  const __m128i nibbles = _mm_unpacklo_epi64(low_nibbles(low), high_nibbles(low));
  const __m128i codes = _mm_or_si128(nibbles, _mm_setr_epi32(field(0), field(2), field(4), field(6)));
  return _mm_sub_epi8(codes, _mm_set1_epi8(32));
}

inline void dequantize_q3_k(const std::byte* blocks, int64_t n, float* y) {
  const __m128i four = _mm_set1_epi8(4);
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 256, block += 110) {
    float scale[16];
    scale_groups(q3_k_scales(block + 96), half_everywhere(block + 108), scale);
    for (int part = 0; part < 4; ++part) {
      const __m128i codes = load_codes(block + 32 + part * 16);
      const __m128i high = load_codes(block + part % 2 * 16);
      for (int i = 0; i < 4; ++i) {
        const int group = part / 2 * 8 + part % 2 + 2 * i;
        const __m128i bit = _mm_slli_epi16(bit_field(high, group / 2, 1), 2);
        const __m128i code = _mm_sub_epi8(_mm_or_si128(bit_field(codes, 2 * i, 3), bit), four);
        store_scaled(code, _mm256_set1_ps(scale[group]), y + group * 16);
      }
    }
  }
}

// Scales (bytes 0..7) and mins (bytes 8..15) of the eight groups of Q4_K and Q5_K.
inline __m128i q4_k_scales(const uint8_t* packed) {
  const uint32_t a = quant::FLUXMLX_ISA::load_u32(packed);
  const uint32_t b = quant::FLUXMLX_ISA::load_u32(packed + 4);
  const uint32_t c = quant::FLUXMLX_ISA::load_u32(packed + 8);
  const uint32_t six = 0x3f3f3f3fu, four = 0x0f0f0f0fu, two = 0x30303030u;
  return _mm_setr_epi32(static_cast<int>(a & six), static_cast<int>((c & four) | ((a >> 2) & two)),
                        static_cast<int>(b & six), static_cast<int>(((c >> 4) & four) | ((b >> 2) & two)));
}

inline void scale_groups_and_mins(const uint8_t* block, float* scale, float* offset) {
  const __m128i packed = q4_k_scales(block + 4);
  _mm256_storeu_ps(scale, _mm256_mul_ps(half_everywhere(block), first_unsigned(packed)));
  _mm256_storeu_ps(offset, _mm256_mul_ps(half_everywhere(block + 2), last_unsigned(packed)));
}

inline void dequantize_q4_k(const std::byte* blocks, int64_t n, float* y) {
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 256, block += 144) {
    float scale[8], offset[8];
    scale_groups_and_mins(block, scale, offset);
    for (int group = 0; group < 8; group += 2) {  // 32 bytes of nibbles: the low ones are one group, the high the next
      const __m256 scale_low = _mm256_set1_ps(scale[group]), scale_high = _mm256_set1_ps(scale[group + 1]);
      const __m256 offset_low = _mm256_set1_ps(offset[group]), offset_high = _mm256_set1_ps(offset[group + 1]);
      float* out = y + group * 32;
      for (int i = 0; i < 32; i += 8) {
        const Nibbles codes = eight_nibbles(block + 16 + group * 16 + i);
        const __m256 low = _mm256_mul_ps(scale_low, _mm256_cvtepi32_ps(codes.low));
        const __m256 high = _mm256_mul_ps(scale_high, _mm256_cvtepi32_ps(codes.high));
        _mm256_storeu_ps(out + i, _mm256_sub_ps(low, offset_low));
        _mm256_storeu_ps(out + 32 + i, _mm256_sub_ps(high, offset_high));
      }
    }
  }
}

inline void dequantize_q5_k(const std::byte* blocks, int64_t n, float* y) {
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 256, block += 176) {
    float scale[8], offset[8];
    scale_groups_and_mins(block, scale, offset);
    for (int group = 0; group < 8; ++group) {
      for (int half = 0; half < 2; ++half) {
        const __m128i low = bit_field(load_codes(block + 48 + group / 2 * 32 + half * 16), group % 2 * 4, 15);
        const __m128i high = bit_field(load_codes(block + 16 + half * 16), group, 1);
        store_lowered(_mm_or_si128(low, _mm_slli_epi16(high, 4)), _mm256_set1_ps(scale[group]),
                      _mm256_set1_ps(offset[group]), y + group * 32 + half * 16);
      }
    }
  }
}

inline void dequantize_q6_k(const std::byte* blocks, int64_t n, float* y) {
  const __m128i middle = _mm_set1_epi8(32);
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 256, block += 210) {
    float scale[16];
    scale_groups(load_codes(block + 192), half_everywhere(block + 208), scale);
    for (int part = 0; part < 4; ++part) {  // 16 bytes of high crumbs: four groups, every second one
      const uint8_t* low = block + part / 2 * 64 + part % 2 * 16;
      const __m128i near = load_codes(low), far = load_codes(low + 32);
      const __m128i high = load_codes(block + 128 + part * 16);
      const __m128i nibbles[4] = {low_nibbles(near), low_nibbles(far), high_nibbles(near), high_nibbles(far)};
      for (int i = 0; i < 4; ++i) {
        const int group = part / 2 * 8 + part % 2 + 2 * i;
        const __m128i code = _mm_or_si128(nibbles[i], _mm_slli_epi16(bit_field(high, 2 * i, 3), 4));
        store_scaled(_mm_sub_epi8(code, middle), _mm256_set1_ps(scale[group]), y + group * 16);
      }
    }
  }
}

inline void dequantize_iq4_xs(const std::byte* blocks, int64_t n, float* y) {
  const __m128i book = code_book(quant::FLUXMLX_ISA::kIq4Values);
  const uint8_t* block = bytes(blocks);
  for (const float* end = y + n; y < end; y += 256, block += 136) {
    const float d = quant::FLUXMLX_ISA::load_half(block);
    const int high = quant::FLUXMLX_ISA::load_u16(block + 2);
    for (int group = 0; group < 8; ++group) {
      const int low = (block[4 + group / 2] >> (group % 2 * 4)) & 15;
      const float scale = d * static_cast<float>((low | (((high >> (2 * group)) & 3) << 4)) - 32);
      store_looked_up(load_codes(block + 8 + group * 16), book, _mm256_set1_ps(scale), y + group * 32);
    }
  }
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
