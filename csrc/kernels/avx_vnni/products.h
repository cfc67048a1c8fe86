#pragma once

#include "kernels/avx2/ints.h"

// What is over its vectors.
#include "kernels/body/lanes.h"

// VNNI in the sixteen registers of AVX2 (AVX-VNNI).
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kGroup = 4;

// sum + codes . x: four bytes or two halves in each lane. AVX-512 has the same instructions, for tests without
// AVX-VNNI.
#if FLUXMLX_AVX_VNNI_BY_AVX512
inline I8 add_bytes(I8 sum, I8 codes, I8 x) { return {_mm256_dpbusd_epi32(sum.v, codes.v, x.v)}; }
inline I8 add_halves(I8 sum, I8 codes, I8 x) { return {_mm256_dpwssd_epi32(sum.v, codes.v, x.v)}; }
#else
inline I8 add_bytes(I8 sum, I8 codes, I8 x) { return {_mm256_dpbusd_avx_epi32(sum.v, codes.v, x.v)}; }
inline I8 add_halves(I8 sum, I8 codes, I8 x) { return {_mm256_dpwssd_avx_epi32(sum.v, codes.v, x.v)}; }
#endif

template <int G>
inline I8 for_tokens(__m256i a) {
  return {a};
}

// Vector i of four bytes for each token.
template <int G>
inline I8 token_bytes(const void* x, int i) {
  return {broadcast_four(static_cast<const char*>(x) + 4 * i)};
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA

// The products themselves.
#include "kernels/avx_vnni/sums.h"
