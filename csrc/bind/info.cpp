#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include "base/memory.h"
#include "base/thread_pool.h"
#include "bind/register.h"
#include "kernels/kernels.h"
#if FLUXMLX_HAS_MLX
#include "array/stream.h"
#endif

namespace fluxmlx::bind {
namespace {

nb::dict info() {
  nb::dict result;
  result["version"] = FLUXMLX_VERSION;
  result["has_mlx"] = bool(FLUXMLX_HAS_MLX);
  result["mlx_c"] = FLUXMLX_MLXC_PROVIDER;
#if FLUXMLX_HAS_MLX
  result["mlx_built_for"] = FLUXMLX_MLX_VERSION;
  result["mlx_version"] = mlx_version_text();
  result["devices"] = device_names();
  result["default_device"] = default_device() == DeviceKind::gpu ? "gpu" : "cpu";
#endif
  result["cpu_isas"] = kernels::available_isas();
  result["cpu_isa"] = kernels::active_isa();
  result["threads"] = available_threads();
  result["developer"] = bool(FLUXMLX_DEVELOPER);
  return result;
}

}  // namespace

void register_info(nb::module_& m) {
  m.def("info", &info, nb::sig("def info() -> dict[str, typing.Any]"),
        "What this build is and what it found: versions, devices, instruction sets, threads.");
  m.def("release_memory", &release_memory, nb::call_guard<nb::gil_scoped_release>(),
        "Gives memory that was freed back to the system.");
}

}  // namespace fluxmlx::bind
