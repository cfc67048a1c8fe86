#pragma once

#include <cstddef>
#include <cstdint>

// One function for each type that can be written; quant/encode.h says what they expect.
namespace fluxmlx::quant {

void encode_f32(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_f16(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_bf16(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q4_0(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q4_1(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q5_0(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q5_1(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q8_0(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q2_k(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q3_k(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q4_k(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q5_k(const float* values, int64_t n, std::byte* blocks) noexcept;
void encode_q6_k(const float* values, int64_t n, std::byte* blocks) noexcept;

}  // namespace fluxmlx::quant
