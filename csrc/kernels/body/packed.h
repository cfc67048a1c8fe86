#pragma once

#include "base/mlx_type.h"
#include "kernels/body/packed_16.h"
#include "kernels/body/packed_256.h"
#include "kernels/body/packed_32.h"
#include "kernels/body/packed_affine.h"
#include "kernels/body/packed_levels.h"
#include "kernels/body/packed_nvfp4.h"
#include "kernels/body/packed_tables.h"
#include "kernels/table.h"

// Products of quantised activations with packed weights. The integer sums of a block are exact; the float steps of one
// (row, token) are the same in every group and instruction set, block after block in order.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline const uint8_t* bytes_of(const std::byte* p) { return reinterpret_cast<const uint8_t*>(p); }

// A strip times n_tokens tokens in groups: out (n_tokens, kStripRows)
using MultiplyStrip = void (*)(const std::byte* strip, const std::byte* x, int64_t n_blocks, int64_t n_tokens,
                               float* out);

struct PackedKernel {
  MultiplyStrip multiply;
  MultiplyStrip multiply_ahead;  // one token, asking for weights ahead
  int64_t block_bytes;
  int block_size;
};

// A single token asks for weights as far ahead as kOfOne says.
template <class Type, int G = kGroup, int kOfOne = 0>
inline void multiply_strip_32(const std::byte* strip, const std::byte* x, int64_t n_blocks, int64_t n_tokens,
                              float* out) {
  constexpr int distance = G == 1 ? kOfOne : kAhead<G>;
  for (; n_tokens >= G; n_tokens -= G, x += n_blocks * int64_t{sizeof(Group32<G>)}, out += G * kStripRows) {
    multiply_group_32<Type, G, distance>(bytes_of(strip), reinterpret_cast<const Group32<G>*>(x), n_blocks, out);
  }
  if constexpr (G > 1) multiply_strip_32<Type, G / 2, kOfOne>(strip, x, n_blocks, n_tokens, out);
}

template <class Type, int G = kGroup, int kOfOne = 0>
inline void multiply_strip_256(const std::byte* strip, const std::byte* x, int64_t n_blocks, int64_t n_tokens,
                               float* out) {
  constexpr int distance = G == 1 ? kOfOne : kAhead<G>;
  for (; n_tokens >= G; n_tokens -= G, x += n_blocks * int64_t{sizeof(Group256<G>)}, out += G * kStripRows) {
    multiply_group_256<Type, G, distance>(bytes_of(strip), reinterpret_cast<const Group256<G>*>(x), n_blocks, out);
  }
  if constexpr (G > 1) multiply_strip_256<Type, G / 2, kOfOne>(strip, x, n_blocks, n_tokens, out);
}

template <class Type, int kOfOne = kAheadOfOne>
inline PackedKernel kernel_32() {
  return {multiply_strip_32<Type>, multiply_strip_32<Type, 1, kOfOne>, Type::kBytes, 32};
}

template <class Type, class OfOne = Type>
inline PackedKernel kernel_256() {
  return {multiply_strip_256<Type>, multiply_strip_256<OfOne, 1, kAheadOfOneSuper>, Type::kBytes, 256};
}

template <bool kSigned>
inline PackedKernel kernel_nvfp4() {
  return {multiply_strip_nvfp4<kSigned>, multiply_strip_nvfp4<kSigned, 1, kAheadOfOne>, PackedNVFP4::kBytes, 64};
}

template <int kBits, TensorType kScale, int kParts>
inline PackedKernel kernel_affine() {
  return {multiply_strip_affine<kBits, kScale, kParts>, multiply_strip_affine<kBits, kScale, kParts, 1, kAheadOfOne>,
          PackedAffine<kBits, kScale>::group_bytes(kParts), 32 * kParts};
}

template <int kBits, TensorType kScale>
inline PackedKernel kernel_affine(int group_size) {
  if (group_size == 32) return kernel_affine<kBits, kScale, 1>();
  return group_size == 64 ? kernel_affine<kBits, kScale, 2>() : kernel_affine<kBits, kScale, 4>();
}

template <int kBits>
inline PackedKernel kernel_affine(const MlxType& type) {
  if (type.scale == TensorType::F16) return kernel_affine<kBits, TensorType::F16>(type.group_size);
  if (type.scale == TensorType::BF16) return kernel_affine<kBits, TensorType::BF16>(type.group_size);
  return kernel_affine<kBits, TensorType::F32>(type.group_size);
}

// Not a part of find_packed(), whose code is short as it is.
[[gnu::noinline]] inline PackedKernel find_packed_mlx(TensorType type) {
  const MlxType* mlx = find_mlx_type(type);
  if (mlx == nullptr || mlx->mode == MlxMode::mxfp8) return {nullptr, nullptr, 0, 32};
  if (mlx->mode == MlxMode::mxfp4) return kernel_32<PackedMXFP4>();
  if (mlx->mode == MlxMode::nvfp4) return kernel_nvfp4<true>();
  return mlx->bits <= 4 ? kernel_affine<4>(*mlx) : kernel_affine<8>(*mlx);
}

inline PackedKernel find_packed(TensorType type) {
  switch (type) {
    case TensorType::Q4_0:
      return kernel_32<PackedQ4_0>();
    case TensorType::Q4_1:
      return kernel_32<PackedQ4_1>();
    case TensorType::Q5_0:
      return kernel_32<PackedQ5_0>();
    case TensorType::Q5_1:
      return kernel_32<PackedQ5_1>();
    case TensorType::Q8_0:
      return kernel_32<PackedQ8_0, kAheadOfOneQ8_0>();
    case TensorType::IQ4_NL:
      return kernel_32<PackedIQ4_NL>();
    case TensorType::MXFP4:
      return kernel_32<PackedMXFP4>();
    case TensorType::NVFP4:
      return kernel_nvfp4<false>();
    case TensorType::Q2_K:
      return kernel_256<PackedQ2_K>();
    case TensorType::Q3_K:
      return kernel_256<PackedQ3_K>();
    case TensorType::Q4_K:
      return kernel_256<PackedQ4_K<>, PackedQ4_K<true>>();
    case TensorType::Q5_K:
      return kernel_256<PackedQ5_K>();
    case TensorType::Q6_K:
      return kernel_256<PackedQ6_K>();
    case TensorType::IQ4_XS:
      return kernel_256<PackedIQ4_XS>();
    case TensorType::IQ1_S:
    case TensorType::IQ1_M:
      return kernel_256<PackedIQ1>();
    case TensorType::IQ2_XXS:
    case TensorType::IQ2_XS:
    case TensorType::IQ2_S:
      return kernel_256<PackedIQ2>();
    case TensorType::IQ3_XXS:
      return kernel_256<PackedIQ3_XXS>();
    case TensorType::IQ3_S:
      return kernel_256<PackedIQ3_S>();
    case TensorType::TQ1_0:
    case TensorType::TQ2_0:
      return kernel_256<PackedTernary>();
    default:
      return find_packed_mlx(type);
  }
}

// The strips of a matrix times the tokens of a panel. Where it is one token, little may happen between two strips: see
// decision 040.
class StripProducts {
 public:
  StripProducts(const Matrix& w, const Panel& panel) : n_tokens_(panel.n_tokens) {
    const PackedKernel kernel = find_packed(w.type);
    const bool super = kernel.block_size == 256;
    n_blocks_ = w.n_cols / kernel.block_size;
    strip_bytes_ = n_blocks_ * kernel.block_bytes;
    strips_ = w.data;
    x_ = super ? panel.x->groups256 + panel.token * panel.x->row_bytes256
               : panel.x->groups32 + panel.token * panel.x->row_bytes32;
    multiply_ = panel.x->asks_ahead && panel.n_tokens == 1 ? kernel.multiply_ahead : kernel.multiply;
  }

  // out[t, r] = w[row + r] . x[t], (n_tokens, kStripRows)
  void multiply(int64_t row, float* out) const {
    multiply_(strips_ + row / kStripRows * strip_bytes_, x_, n_blocks_, n_tokens_, out);
  }

 private:
  MultiplyStrip multiply_;
  const std::byte *strips_, *x_;
  int64_t strip_bytes_, n_blocks_, n_tokens_;
};

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
