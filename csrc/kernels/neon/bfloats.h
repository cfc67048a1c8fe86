#pragma once

#include "kernels/neon/flushed.h"

// The bodies come after the vector type that they are written over.
#include "kernels/body/bfloats_as_floats.h"
#include "kernels/body/flushed.h"

// Strips of BF16, by multiply-adds in the processor's mode for subnormal numbers. A strip of which a result was flushed
// is multiplied once more, one number after the other.
namespace fluxmlx::kernels::FLUXMLX_ISA {

template <class Operation>
inline F8 each_lane(F8 a, F8 b, F8 c, Operation operation) {
  float x[8], y[8], z[8];
  store(x, a), store(y, b), store(z, c);
  for (int i = 0; i < 8; ++i) z[i] = operation(x[i], y[i], z[i]);
  return load(z);
}

struct ExactBfloats : WideF32 {
  using Expanded = ExactBfloats;

  static F8 multiply_add(F8 rows, F8 x, F8 sum) {
    return each_lane(rows, x, sum, [](float a, float b, float c) { return fma_flushed(flushed(a), flushed(b), c); });
  }
  static F16 multiply_add(const F16& rows, const F16& x, const F16& sum) {
    return {multiply_add(rows.low, x.low, sum.low), multiply_add(rows.high, x.high, sum.high)};
  }
  static F8 add_slices(F8 a, F8 b) {
    return each_lane(a, b, b, [](float x, float y, float) { return flushed(x + y); });
  }
};

struct ExactBfloatPairs : ExactBfloats {
  using Number = uint32_t;
  static constexpr int kColumns = 2, kInputs = 2;

  template <int kInput>
  static F16 read(const uint32_t* p) {
    return WideBfloatPairs::read<kInput>(p);
  }
};

inline void multiply_bfloats_exactly(const Matrix& w, const Panel& panel, PanelScratch& scratch, float* out) {
  const Mode mode = flush_subnormals();
  multiply_pairs<WideBfloatPairs>(w, panel, scratch, out);
  const bool again = has_flushed();
  restore_mode(mode);
  if (again) multiply_pairs<ExactBfloatPairs>(w, panel, scratch, out);
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
