#pragma once

#include "kernels/neon/vec.h"

// The functions of vec.h for subnormal numbers as zeros, by the processor's mode for it. It looks at a result before
// rounding and the definition after it, so that one may be flushed which the definition keeps; the processor notes
// that it has flushed any.
namespace fluxmlx::kernels::FLUXMLX_ISA {

inline F8 fma_flushed(F8 a, F8 b, F8 c) { return fma(a, b, c); }
inline F8 add_flushed(F8 a, F8 b) { return add(a, b); }

constexpr uint64_t kFlushToZero = uint64_t{1} << 24;  // of FPCR
constexpr uint64_t kUnderflow = uint64_t{1} << 3;     // of FPSR

struct Mode {
  uint64_t control, status;
};

inline uint64_t status() {
  uint64_t bits;
  asm volatile("mrs %0, fpsr" : "=r"(bits) : : "memory");
  return bits;
}
inline void set_mode(Mode mode) {
  asm volatile("msr fpsr, %0\n\tmsr fpcr, %1" : : "r"(mode.status), "r"(mode.control) : "memory");
}
inline Mode flush_subnormals() {
  uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  const Mode before{control, status()};
  set_mode({control | kFlushToZero, before.status & ~kUnderflow});
  return before;
}
inline void restore_mode(Mode mode) { set_mode(mode); }
// Whether a result has been flushed since flush_subnormals().
inline bool has_flushed() { return (status() & kUnderflow) != 0; }

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
