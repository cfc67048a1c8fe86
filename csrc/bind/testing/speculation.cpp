// Guessing of tokens, and the budget for it.
#include <nanobind/stl/vector.h>

#include "bind/register.h"
#include "engine/draft_budget.h"
#include "engine/lookup_draft.h"

namespace fluxmlx::bind {
namespace {

// A text that grows, and the guesses about it.
struct Lookup {
  std::vector<int32_t> tokens;
  engine::LookupDraft draft;
};

}  // namespace

void register_testing_speculation(nb::module_& m) {
  using engine::DraftBudget;
  nb::class_<Lookup>(m, "LookupDraft")
      .def(nb::init<>())
      .def("append",
           [](Lookup& self, const std::vector<int32_t>& more) {
             self.tokens.insert(self.tokens.end(), more.begin(), more.end());
           })
      .def("propose", [](Lookup& self, int limit) { return self.draft.propose(self.tokens, limit); });
  nb::class_<DraftBudget>(m, "DraftBudget")
      .def(nb::init<>())
      .def("allowed", &DraftBudget::allowed)
      .def("step", &DraftBudget::step);
}

}  // namespace fluxmlx::bind
