#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/register.h"
#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind {
namespace {

mlxc::Cases all_cases() {
  mlxc::Cases all;
  for (const auto& group :
       {mlxc::array_cases, mlxc::handle_cases, mlxc::error_cases, mlxc::fast_cases, mlxc::elementwise_cases,
        mlxc::compare_cases, mlxc::shape_cases, mlxc::select_cases, mlxc::reduce_cases, mlxc::product_cases}) {
    for (mlxc::Case& item : group()) {
      all.push_back(std::move(item));
    }
  }
  return all;
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const mlxc::Case& item : all_cases()) {
    out.push_back(item.name);
  }
  return out;
}

void run(const std::string& name) {
  for (const mlxc::Case& item : all_cases()) {
    if (item.name == name) {
      return item.run();
    }
  }
  fail(ErrorCode::invalid_argument, "no case '", name, "': mlxc_cases() lists them");
}

}  // namespace

void register_testing_mlxc(nb::module_& m) {
  m.def("mlxc_cases", &names, "The names of the cases that call mlx/c.");
  m.def("mlxc_run", &run, nb::arg("name"), "Runs one case; raises EngineError where a value is not as expected.");
}

}  // namespace fluxmlx::bind
