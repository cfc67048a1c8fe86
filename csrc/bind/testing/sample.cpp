#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bind/register.h"
#include "sample/random.h"
#include "sample/sampler.h"

#if FLUXMLX_HAS_MLX
#include "engine/stop_matcher.h"
#include "engine/utf8_buffer.h"
#endif

namespace fluxmlx::bind {
namespace {

using Logits = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Ids = std::vector<int32_t>;
using Pairs = std::vector<std::pair<int32_t, float>>;

std::span<const float> view(const Logits& logits) { return {logits.data(), logits.size()}; }

template <class T>
void read(const nb::dict& options, const char* name, T& value) {
  if (options.contains(name)) value = nb::cast<T>(options[name]);
}

sample::Params params_of(const nb::dict& options) {
  sample::Params params;
  read(options, "temperature", params.temperature);
  read(options, "top_k", params.top_k);
  read(options, "top_p", params.top_p);
  read(options, "min_p", params.min_p);
  read(options, "typical_p", params.typical_p);
  read(options, "repeat_penalty", params.repeat_penalty);
  read(options, "presence_penalty", params.presence_penalty);
  read(options, "frequency_penalty", params.frequency_penalty);
  read(options, "repeat_last_n", params.repeat_last_n);
  read(options, "seed", params.seed);
  read(options, "logit_bias", params.logit_bias);
  read(options, "n_logprobs", params.n_logprobs);
  return params;
}

nb::tuple to_tuple(const sample::Choice& choice) {
  Pairs top;
  for (const auto& item : choice.top) top.emplace_back(item.token, item.logprob);
  return nb::make_tuple(choice.token, choice.logprob, top);
}

// What the draw sees: [(token, probability), ...] by id.
std::vector<std::pair<int32_t, double>> distribution(sample::Sampler& sampler, const Logits& logits, const Ids& history,
                                                     const Ids& banned) {
  const auto& found = sampler.distribution(view(logits), history, banned);
  std::vector<std::pair<int32_t, double>> out;
  for (size_t i = 0; i < found.candidates.size(); ++i) {
    out.emplace_back(found.candidates[i].token, found.weights[i] / found.total);
  }
  return out;
}

void register_sampler(nb::module_& m) {
  m.def("philox", &sample::philox, nb::arg("counter"), nb::arg("key"));
  m.def("uniform", &sample::uniform, nb::arg("seed"), nb::arg("position"), nb::arg("draw") = 0);
  m.def("validate_params", [](const nb::dict& options, int64_t n_vocab) { validate(params_of(options), n_vocab); });
  m.def("logprob_of", [](const Logits& logits, int32_t token, int n_top) {
    return to_tuple(sample::logprob_of(view(logits), token, n_top));
  });
  nb::class_<sample::Sampler>(m, "Sampler")
      .def("__init__", [](sample::Sampler* self, const nb::dict& options,
                          int64_t n_vocab) { new (self) sample::Sampler(params_of(options), n_vocab); })
      .def(
          "sample",
          [](sample::Sampler& self, const Logits& logits, const Ids& history, uint64_t position, const Ids& banned) {
            return to_tuple(self.sample(view(logits), history, position, banned));
          },
          nb::arg("logits"), nb::arg("history") = Ids{}, nb::arg("position") = 0, nb::arg("banned") = Ids{})
      .def("distribution", &distribution, nb::arg("logits"), nb::arg("history") = Ids{}, nb::arg("banned") = Ids{});
}

#if FLUXMLX_HAS_MLX
std::string_view view(const nb::bytes& bytes) { return {bytes.c_str(), bytes.size()}; }
nb::bytes to_bytes(const std::string& text) { return nb::bytes(text.data(), text.size()); }

void register_text(nb::module_& m) {
  using engine::StopMatcher;
  using engine::Utf8Buffer;
  nb::class_<StopMatcher>(m, "StopMatcher")
      .def("__init__",
           [](StopMatcher* self, const std::vector<nb::bytes>& stops) {
             std::vector<std::string> texts;
             for (const nb::bytes& stop : stops) texts.emplace_back(view(stop));
             new (self) StopMatcher(std::move(texts));
           })
      .def("push",
           [](StopMatcher& self, const nb::bytes& bytes) {
             const auto output = self.push(view(bytes));
             return nb::make_tuple(to_bytes(output.bytes), output.stopped, to_bytes(output.matched));
           })
      .def("flush", [](StopMatcher& self) { return to_bytes(self.flush()); });
  nb::class_<Utf8Buffer>(m, "Utf8Buffer")
      .def(nb::init<>())
      .def("push", [](Utf8Buffer& self, const nb::bytes& bytes) { return self.push(view(bytes)); })
      .def("flush", &Utf8Buffer::flush);
}
#endif

}  // namespace

void register_testing_sample(nb::module_& m) {
  register_sampler(m);
#if FLUXMLX_HAS_MLX
  register_text(m);
#endif
}

}  // namespace fluxmlx::bind
