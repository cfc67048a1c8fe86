#pragma once

#include "kernels/avx512/ints.h"

// Products in 32 bits, which nothing saturates (VNNI); kernels/scalar/products.h says what each function means. Two
// tokens share a register of 512 bits: lane 2 r + t is row r of token t.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline constexpr int kGroup = 16;

struct I8x2 {
  __m512i v;
};
struct F8x2 {
  __m512 v;
};

inline I8x2 add(I8x2 a, I8x2 b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline I8x2 sub(I8x2 a, I8x2 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
inline I8x2 multiply(I8x2 a, I8x2 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
template <int kBits>
inline I8x2 shift_left(I8x2 a) {
  return {_mm512_slli_epi32(a.v, kBits)};
}
inline F8x2 to_float(I8x2 a) { return {_mm512_cvtepi32_ps(a.v)}; }
inline F8x2 add(F8x2 a, F8x2 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline F8x2 mul(F8x2 a, F8x2 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline F8x2 fma(F8x2 a, F8x2 b, F8x2 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline F8x2 negate(F8x2 a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }

// sum + codes . x: four bytes or two halves in each lane
inline I8 add_bytes(I8 sum, I8 codes, I8 x) { return {_mm256_dpbusd_epi32(sum.v, codes.v, x.v)}; }
inline I8x2 add_bytes(I8x2 sum, I8x2 codes, I8x2 x) { return {_mm512_dpbusd_epi32(sum.v, codes.v, x.v)}; }
inline I8 add_halves(I8 sum, I8 codes, I8 x) { return {_mm256_dpwssd_epi32(sum.v, codes.v, x.v)}; }
inline I8x2 add_halves(I8x2 sum, I8x2 codes, I8x2 x) { return {_mm512_dpwssd_epi32(sum.v, codes.v, x.v)}; }

template <int G>
struct Lanes {
  using Int = I8x2;
  using Float = F8x2;
  static constexpr int kVectors = G / 2;
};
template <>
struct Lanes<1> {
  using Int = I8;
  using Float = F8;
  static constexpr int kVectors = 1;
};

inline __m512i twice() { return _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7); }

// Each lane for all tokens of a vector.
template <int G>
inline typename Lanes<G>::Int for_tokens(__m256i a) {
  if constexpr (G == 1) {
    return {a};
  } else {
    return {_mm512_permutexvar_epi32(twice(), _mm512_castsi256_si512(a))};
  }
}
template <int G>
inline typename Lanes<G>::Float for_tokens(F8 a) {
  if constexpr (G == 1) {
    return a;
  } else {
    return {_mm512_permutexvar_ps(twice(), _mm512_castps256_ps512(a.v))};
  }
}

// Vector i of four bytes for each token.
template <int G>
inline typename Lanes<G>::Int token_bytes(const void* x, int i) {
  if constexpr (G == 1) {
    return {broadcast_four(x)};
  } else {
    int64_t eight;
    std::memcpy(&eight, static_cast<const char*>(x) + 8 * i, sizeof eight);
    return {_mm512_set1_epi64(eight)};
  }
}
template <int G>
inline typename Lanes<G>::Float token_values(const float (&x)[G], int i) {
  if constexpr (G == 1) {
    return broadcast(x[0]);
  } else {
    return {_mm512_castsi512_ps(token_bytes<G>(x, i).v)};
  }
}
template <int G>
inline typename Lanes<G>::Int token_values(const int32_t (&x)[G], int i) {
  return token_bytes<G>(x, i);
}
template <int G>
inline void store_tokens(float* out, int i, typename Lanes<G>::Float a) {
  if constexpr (G == 1) {
    store(out, a);
  } else {
    const __m512i order = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    _mm512_storeu_ps(out + 16 * i, _mm512_permutexvar_ps(order, a.v));
  }
}

template <int G>
struct Sums {
  typename Lanes<G>::Int v[Lanes<G>::kVectors];
};

}  // namespace fluxmlx::kernels::FLUXMLX_ISA

// The products themselves.
#include "kernels/avx_vnni/sums.h"
