#include "bind/register.h"

namespace fluxmlx::bind {

void register_testing_sample(nb::module_& m) { (void)m; }

}  // namespace fluxmlx::bind
