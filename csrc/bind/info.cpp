#include "bind/register.h"

namespace fluxmlx::bind {

void register_info(nb::module_& m) { (void)m; }

}  // namespace fluxmlx::bind
