// What a step of the scheduler has room for, and who gets it.
#include <nanobind/stl/vector.h>

#include "bind/register.h"
#include "engine/step_cost.h"
#include "engine/step_plan.h"

namespace fluxmlx::bind {

void register_testing_scheduling(nb::module_& m) {
  using engine::StepCost;
  m.def("share_rows", [](const std::vector<int>& wanted, int budget) { return engine::share_rows(wanted, budget); });
  nb::class_<StepCost>(m, "StepCost")
      .def(nb::init<int>())
      .def("rows_within", &StepCost::rows_within)
      .def("measured", &StepCost::measured);
}

}  // namespace fluxmlx::bind
