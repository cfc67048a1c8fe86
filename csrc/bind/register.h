#pragma once

#include <nanobind/nanobind.h>

#include "base/error.h"

namespace fluxmlx::bind {

namespace nb = nanobind;

// One function per file of csrc/bind/; module.cpp calls them in this order.
void register_errors(nb::module_& m);
void register_info(nb::module_& m);
void register_gguf(nb::module_& m);
void register_checkpoint(nb::module_& m);
void register_quant(nb::module_& m);
void register_probe(nb::module_& m);
void register_engine(nb::module_& m);
void register_handle(nb::module_& m);

// Private hooks for the tests; only in builds with FLUXMLX_DEVELOPER=ON.
void register_testing_attention(nb::module_& m);
void register_testing_base(nb::module_& m);
void register_testing_gguf(nb::module_& m);
void register_testing_kernels(nb::module_& m);
void register_testing_sample(nb::module_& m);
void register_testing_mlxc(nb::module_& m);
void register_testing_array(nb::module_& m);
void register_testing_cache(nb::module_& m);
void register_testing_speculation(nb::module_& m);
void register_testing_scheduling(nb::module_& m);

}  // namespace fluxmlx::bind
