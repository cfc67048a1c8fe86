// probe_bandwidth() and probe_fma(): what the machine gives at this moment.
#include "kernels/probe.h"

#include "bind/register.h"

namespace fluxmlx::bind {

void register_probe(nb::module_& m) {
  m.def("probe_bandwidth", &kernels::probe_bandwidth, nb::arg("threads"), nb::call_guard<nb::gil_scoped_release>(),
        "Bytes per second that so many threads together read from memory now (a tenth of a second or two).");
  m.def("probe_fma", &kernels::probe_fma, nb::arg("threads"), nb::call_guard<nb::gil_scoped_release>(),
        "float32 multiply-adds per second that so many threads reach in registers now.");
}

}  // namespace fluxmlx::bind
