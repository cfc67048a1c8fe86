#include "bind/register.h"

namespace fluxmlx::bind {

void register_quant(nb::module_& m) { (void)m; }

}  // namespace fluxmlx::bind
