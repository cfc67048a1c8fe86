#include "kernels/scalar/vec.h"

// The body comes after the vector type that it is written over.
#include "kernels/body/probe.h"

namespace fluxmlx::kernels {

extern const Probe kScalarProbe;
constinit const Probe kScalarProbe = {"scalar", scalar::probe_read, scalar::probe_fma};

}  // namespace fluxmlx::kernels
