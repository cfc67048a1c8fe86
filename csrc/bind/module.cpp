#include "bind/register.h"

namespace fluxmlx::bind {
namespace {

#if FLUXMLX_DEVELOPER
void register_testing(nb::module_& m) {
  nb::module_ testing = m.def_submodule("testing", "Private hooks for the tests of a developer build.");
  register_testing_base(testing);
  register_testing_gguf(testing);
  register_testing_kernels(testing);
  register_testing_attention(testing);
  register_testing_sample(testing);
#if FLUXMLX_HAS_MLX
  register_testing_mlxc(testing);
  register_testing_array(testing);
  register_testing_cache(testing);
  register_testing_speculation(testing);
  register_testing_scheduling(testing);
#endif
}
#endif

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The native core of fluxmlx.";
  register_errors(m);
  register_info(m);
  register_gguf(m);
  register_checkpoint(m);
  register_quant(m);
  register_probe(m);
#if FLUXMLX_HAS_MLX
  register_engine(m);
#endif
#if FLUXMLX_DEVELOPER
  register_testing(m);
#endif
}

}  // namespace fluxmlx::bind
