// Engine, Handle and Event: the native engine as Python sees it. fluxmlx.engine wraps these for people.
#include "engine/engine.h"
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include "bind/register.h"

namespace fluxmlx::bind {
namespace {

using engine::Event;
using engine::Request;
using Seconds = std::chrono::duration<double>;

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

Request to_request(std::vector<int32_t> prompt, const nb::dict& params) {
  Request request;
  request.prompt = std::move(prompt);
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
  return request;
}

using TopLogprobs = std::vector<std::pair<int32_t, float>>;

TopLogprobs top_of(const sample::Choice& choice) {
  TopLogprobs top;
  for (const sample::TokenLogprob& item : choice.top) top.emplace_back(item.token, item.logprob);
  return top;
}

std::vector<std::pair<float, TopLogprobs>> prompt_logprobs_of(const Event& event) {
  std::vector<std::pair<float, TopLogprobs>> rows;
  for (const sample::Choice& choice : event.prompt_logprobs) rows.emplace_back(choice.logprob, top_of(choice));
  return rows;
}

const char* kind_of(const Event& event) {
  switch (event.kind) {
    case Event::Kind::token:
      return "token";
    case Event::Kind::end:
      return "end";
  }
  return "end";
}

std::optional<Event> next_event(engine::Handle& handle, double timeout) {
  const nb::gil_scoped_release released;
  return handle.next(Seconds(timeout));
}

void register_event(nb::module_& m) {
  nb::class_<Event>(m, "Event", "One thing that a request gave: a token, or its end.")
      .def_prop_ro("kind", &kind_of, nb::for_getter(nb::sig("def kind(self) -> typing.Literal['token', 'end']")),
                   "'token' or 'end'.")
      .def_ro("text", &Event::text, "Whole characters that are certain by now.")
      .def_prop_ro(
          "token_bytes", [](const Event& e) { return nb::bytes(e.bytes.data(), e.bytes.size()); },
          "What the token stands for, whole characters or not.")
      .def_prop_ro(
          "token", [](const Event& e) { return e.choice.token; }, "Its id.")
      .def_prop_ro(
          "logprob", [](const Event& e) { return e.choice.logprob; }, "NaN unless asked for.")
      .def_prop_ro(
          "top_logprobs", [](const Event& e) { return top_of(e.choice); }, "(token, logprob), best first.")
      .def_ro("finish_reason", &Event::finish_reason, "'stop' or 'length', at the end; else empty.")
      .def_prop_ro(
          "stop_string", [](const Event& e) { return nb::bytes(e.stop_string.data(), e.stop_string.size()); },
          "The one that matched, or empty.")
      .def_prop_ro("prompt_tokens", [](const Event& e) { return e.usage.prompt_tokens; })
      .def_prop_ro("completion_tokens", [](const Event& e) { return e.usage.completion_tokens; })
      .def_prop_ro(
          "queued_s", [](const Event& e) { return e.timings.queued; }, "Seconds of waiting for a place.")
      .def_prop_ro(
          "prompt_s", [](const Event& e) { return e.timings.prompt; }, "Seconds of reading the prompt.")
      .def_prop_ro(
          "decode_s", [](const Event& e) { return e.timings.decode; }, "Seconds of writing the answer.")
      .def_prop_ro("prompt_logprobs", &prompt_logprobs_of, "(logprob, top) of each prompt token but the first.");
}

// What Python owns: a reference, whose end knows what to do in a fork.
struct Owned {
  std::shared_ptr<engine::Engine> engine;
};

nb::dict info_of(const Owned& self) {
  const engine::ModelInfo& info = self.engine->info();
  nb::dict result;
  result["architecture"] = info.architecture;
  result["ops"] = info.ops;
  result["device"] = info.device;
  result["cache_type"] = info.cache_type;
  result["n_vocab"] = info.n_vocab;
  result["n_layers"] = info.n_layers;
  result["n_embd"] = info.n_embd;
  result["n_heads"] = info.n_heads;
  result["n_kv_heads"] = info.n_kv_heads;
  result["head_dim"] = info.head_dim;
  result["n_ctx"] = info.n_ctx;
  result["n_ctx_train"] = info.n_ctx_train;
  result["n_threads"] = info.n_threads;
  result["file_bytes"] = info.file_bytes;
  result["cache_bytes_per_position"] = info.cache_bytes_per_position;
  result["load_s"] = info.load_seconds;
  nb::list tensors;
  for (const load::ReportRow& row : info.tensors) {
    tensors.append(nb::make_tuple(row.type, row.held_as, row.n_tensors, row.n_bytes));
  }
  result["tensors"] = tensors;
  result["unused_tensors"] = info.unused_tensors;
  return result;
}

void start_engine(Owned* self, std::string path, std::string device, std::string ops, std::string cache_type, int ctx,
                  int threads, int prefill_chunk) {
  engine::Options options;
  options.path = std::move(path);
  options.device = std::move(device);
  options.ops = std::move(ops);
  options.cache_type = std::move(cache_type);
  options.n_ctx = ctx;
  options.n_threads = threads;
  options.prefill_chunk = prefill_chunk;
  new (self) Owned{engine::Engine::start(std::move(options))};
}

// By hand: nanobind's own conversion of a list may not throw, so it would end the process where memory is short.
std::vector<int32_t> to_tokens(const nb::sequence& values) {
  std::vector<int32_t> tokens;
  tokens.reserve(nb::len(values));
  for (nb::handle value : values) tokens.push_back(nb::cast<int32_t>(value));
  return tokens;
}

std::shared_ptr<engine::Handle> submit(Owned& self, const nb::sequence& prompt, const nb::dict& params) {
  return self.engine->submit(to_request(to_tokens(prompt), params));
}

void set_vocabulary(Owned& self, nb::object token_bytes, const nb::sequence& end_ids) {
  self.engine->set_vocabulary({to_strings(token_bytes), to_tokens(end_ids)});
}

bool wait_loaded(Owned& self, double timeout) {
  const nb::gil_scoped_release released;
  return self.engine->wait_loaded(Seconds(timeout));
}

std::pair<uint64_t, uint64_t> progress_of(const Owned& self) {
  const engine::LoadProgress& progress = self.engine->progress();
  return {progress.done, progress.total};
}

void close(Owned& self) {
  const nb::gil_scoped_release released;
  self.engine->close();
}

}  // namespace

void register_engine(nb::module_& m) {
  register_event(m);
  nb::class_<engine::Handle>(m, "Handle", "The caller's end of one request.")
      .def("next", &next_event, nb::arg("timeout"),
           "The next event, or None if none came in `timeout` seconds; a request that failed raises its error.")
      .def("cancel", &engine::Handle::cancel, "Drops the request before the engine's next step.");
  nb::class_<Owned>(m, "Engine", "A loaded model and the thread that runs it.")
      .def("__init__", &start_engine, nb::arg("path"), nb::kw_only(), nb::arg("device") = "auto",
           nb::arg("ops") = "auto", nb::arg("cache_type") = "f16", nb::arg("ctx") = 0, nb::arg("threads") = 0,
           nb::arg("prefill_chunk") = 512,
           nb::sig("def __init__(self, path: str, *, device: str = 'auto', ops: str = 'auto', cache_type: str = 'f16', "
                   "ctx: int = 0, threads: int = 0, prefill_chunk: int = 512) -> None"),
           "Starts to load a model; 0 stands for what fluxmlx.load() says of None.")
      .def("wait_loaded", &wait_loaded, nb::arg("timeout"), "True once loaded, False when `timeout` seconds are over.")
      .def_prop_ro("progress", &progress_of, "Bytes loaded, bytes in all.")
      .def_prop_ro("info", &info_of, nb::for_getter(nb::sig("def info(self) -> dict[str, typing.Any]")),
                   "Facts about the model, its layout and the device; only once it is loaded.")
      .def("set_vocabulary", &set_vocabulary, nb::arg("token_bytes"), nb::arg("end_ids"),
           nb::sig("def set_vocabulary(self, token_bytes: collections.abc.Sequence[bytes], "
                   "end_ids: collections.abc.Sequence[int]) -> None"),
           "Once it is loaded and before the first request: the bytes of each token, the tokens that end an answer.")
      .def("submit", &submit, nb::arg("prompt"), nb::arg("params"),
           nb::sig("def submit(self, prompt: collections.abc.Sequence[int], params: dict[str, typing.Any]) -> Handle"),
           "Queues a request: prompt token ids, and the fields of SamplingParams.to_native().")
      .def("close", &close, "Ends what runs and waits for the thread; may be called again.");
}

}  // namespace fluxmlx::bind
