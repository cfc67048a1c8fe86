#include "kernels/avx2/vec.h"

// The body comes after the vector type that it is written over.
#include "kernels/body/probe.h"

namespace fluxmlx::kernels {

extern const Probe kAvx2Probe;
constinit const Probe kAvx2Probe = {"avx2", avx2::probe_read, avx2::probe_fma};

}  // namespace fluxmlx::kernels
