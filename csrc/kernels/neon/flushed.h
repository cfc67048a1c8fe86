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

inline unsigned flush_subnormals() {
  uint64_t mode, status;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  asm volatile("mrs %0, fpsr" : "=r"(status));
  asm volatile("msr fpsr, %0" : : "r"(status & ~kUnderflow));
  asm volatile("msr fpcr, %0" : : "r"(mode | kFlushToZero) : "memory");
  return static_cast<unsigned>(mode);
}
inline void restore_mode(unsigned mode) { asm volatile("msr fpcr, %0" : : "r"(uint64_t{mode}) : "memory"); }
// Whether a result has been flushed since flush_subnormals().
inline bool has_flushed() {
  uint64_t status;
  asm volatile("mrs %0, fpsr" : "=r"(status) : : "memory");
  return (status & kUnderflow) != 0;
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
