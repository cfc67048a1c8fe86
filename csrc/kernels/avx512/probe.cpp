#include "kernels/avx512/vec.h"

// The body comes after the vector type that it is written over.
#include "kernels/body/probe.h"

namespace fluxmlx::kernels {

extern const Probe kAvx512Probe;
constinit const Probe kAvx512Probe = {"avx512", avx512::probe_read, avx512::probe_fma};

}  // namespace fluxmlx::kernels
