#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "kernels/kernels.h"

// The input rows of a product, in every form that its weights ask for.
namespace fluxmlx::kernels {

struct Table;

// x = scale * q for 32 columns; |q| <= 127.
struct Block32 {
  float scale;
  float sum;  // scale * the sum of q
  int8_t q[32];
};

// The same for 256 columns, with the sums of q over each 16 and 32 of them.
struct Block256 {
  float scale;
  int16_t sums16[16];
  int16_t sums32[8];
  int8_t q[256];
};

// Row after row in each form that the matrices ask for, normed first.
struct Activations {
  Activations(const Table& table, ThreadPool& pool, const float* x, int64_t n_tokens, int64_t n_cols,
              const InputNorm& norm, std::span<const Matrix> matrices);

  const float* floats;                   // (n_tokens, n_cols), for weights in blocks
  const std::byte* blocks32 = nullptr;   // rows of Block32, for packed types with one scale per 32
  const std::byte* blocks256 = nullptr;  // rows of Block256, for packed types with super-blocks
  int64_t pitch32 = 0, pitch256 = 0;     // bytes from row to row

 private:
  std::unique_ptr<float[]> floats_memory_;
  std::unique_ptr<std::byte[]> blocks32_memory_, blocks256_memory_;
};

}  // namespace fluxmlx::kernels
