// Request: what Python asks for, as the engine takes it.
#include "bind/request.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>

#include "bind/numpy.h"

namespace fluxmlx::bind {
namespace {

using engine::Request;

std::string to_string(nb::handle value) {
  const auto bytes = nb::cast<nb::bytes>(value);
  return {bytes.c_str(), bytes.size()};
}

std::vector<std::string> to_strings(nb::handle values) {
  std::vector<std::string> result;
  for (nb::handle value : nb::cast<nb::sequence>(values)) result.push_back(to_string(value));
  return result;
}

// Reads the fields that SamplingParams.to_native() writes, each by its name.
class Fields {
 public:
  explicit Fields(const nb::dict& fields) : fields_(fields) {}

  template <class T>
  void read(const char* name, T& into) const {
    into = nb::cast<T>(fields_[name]);
  }
  void read(const char* name, std::vector<std::string>& into) const { into = to_strings(fields_[name]); }

 private:
  const nb::dict& fields_;
};

[[noreturn]] void fail_as(const nb::python_error& error) {
  fail(ErrorCode::runtime, "logits_processor raised ", nb::cast<std::string>(error.type().attr("__name__")), ": ",
       nb::cast<std::string>(nb::str(error.value())));
}

void call(nb::handle function, std::span<const int32_t> tokens, std::span<float> logits) {
  const nb::gil_scoped_acquire locked;
  try {
    const nb::object array = to_numpy<float>(logits);
    function(to_numpy<int32_t>(tokens), array);
    const auto changed = nb::cast<nb::ndarray<const float, nb::ndim<1>, nb::c_contig>>(array);
    std::copy_n(changed.data(), logits.size(), logits.begin());
  } catch (const nb::python_error& error) {
    fail_as(error);
  }
}

// The function's last owner may be the engine's thread, which holds no lock of Python's.
engine::LogitsProcessor to_processor(const nb::object& function) {
  if (function.is_none()) return {};
  const auto release = [](nb::object* owned) {
    const nb::gil_scoped_acquire locked;
    delete owned;
  };
  return [owned = std::shared_ptr<nb::object>(new nb::object(function), release)](
             std::span<const int32_t> tokens, std::span<float> logits) { call(*owned, tokens, logits); };
}

std::shared_ptr<const std::vector<std::byte>> to_memory(const nb::bytes& bytes) {
  const auto* begin = static_cast<const std::byte*>(bytes.data());
  return std::make_shared<const std::vector<std::byte>>(begin, begin + bytes.size());
}

engine::Pooling to_pooling(const std::string& name) {
  if (name == "last") return engine::Pooling::last;
  if (name == "mean") return engine::Pooling::mean;
  fail(ErrorCode::invalid_argument, "pooling is '", name, "'; expected last or mean");
}

}  // namespace

// By hand: nanobind's own conversion of a list may not throw, so it would end the process where memory is short.
std::vector<int32_t> to_tokens(const nb::sequence& values) {
  std::vector<int32_t> tokens;
  tokens.reserve(nb::len(values));
  for (nb::handle value : values) tokens.push_back(nb::cast<int32_t>(value));
  return tokens;
}

Request to_request(const nb::sequence& prompt, const nb::dict& params) {
  Request request;
  request.prompt = to_tokens(prompt);
  const Fields fields(params);
  sample::Params& sampling = request.sampling;
  fields.read("temperature", sampling.temperature);
  fields.read("top_k", sampling.top_k);
  fields.read("top_p", sampling.top_p);
  fields.read("min_p", sampling.min_p);
  fields.read("typical_p", sampling.typical_p);
  fields.read("repeat_penalty", sampling.repeat_penalty);
  fields.read("presence_penalty", sampling.presence_penalty);
  fields.read("frequency_penalty", sampling.frequency_penalty);
  fields.read("repeat_last_n", sampling.repeat_last_n);
  fields.read("seed", sampling.seed);
  fields.read("logit_bias", sampling.logit_bias);
  fields.read("logprobs", sampling.n_logprobs);
  fields.read("stop", request.stop);
  fields.read("stop_token_ids", request.stop_token_ids);
  fields.read("ignore_eos", request.ignore_eos);
  fields.read("min_tokens", request.min_tokens);
  fields.read("max_tokens", request.max_tokens);
  fields.read("prompt_logprobs", request.prompt_logprobs);
  fields.read("n", request.n);
  fields.read("speculation", request.speculation);
  fields.read("cache_prompt", request.cache_prompt);
  request.logits_processor = to_processor(params["logits_processor"]);
  if (params.contains("saves_prompt")) request.saves_prompt = nb::cast<bool>(params["saves_prompt"]);
  if (params.contains("restored")) request.restored = to_memory(nb::cast<nb::bytes>(params["restored"]));
  if (params.contains("pooling")) request.pooling = to_pooling(nb::cast<std::string>(params["pooling"]));
  return request;
}

}  // namespace fluxmlx::bind
