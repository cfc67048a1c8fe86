// Engine: the native engine as Python sees it. fluxmlx.engine wraps it for people.
#include "engine/engine.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/checkpoint.h"
#include "bind/request.h"

namespace fluxmlx::bind {
namespace {

using Seconds = std::chrono::duration<double>;

// What Python owns: a reference, whose end knows what to do in a fork, and waits for a thread that may want the lock.
struct Owned {
  explicit Owned(engine::Options options) : engine(engine::Engine::start(std::move(options))) {}
  ~Owned() {
    const nb::gil_scoped_release released;
    engine.reset();
  }
  std::shared_ptr<engine::Engine> engine;
};

nb::dict to_dict(const engine::Capabilities& capabilities) {
  nb::dict result;
  result["supports_structured_output"] = capabilities.supports_structured_output;
  result["supports_speculative_decoding"] = capabilities.supports_speculative_decoding;
  result["supports_kv_prefix_copy"] = capabilities.supports_kv_prefix_copy;
  result["supports_multimodal"] = capabilities.supports_multimodal;
  result["supports_logits_processor"] = capabilities.supports_logits_processor;
  result["batch_invariant"] = capabilities.batch_invariant;
  result["cache_types"] = nb::tuple(nb::cast(capabilities.cache_types));
  result["n_ctx"] = capabilities.n_ctx;
  result["n_ctx_train"] = capabilities.n_ctx_train;
  result["max_sequences"] = capabilities.max_sequences;
  return result;
}

nb::dict info_of(const Owned& self) {
  const engine::ModelInfo& info = self.engine->info();
  nb::dict result;
  result["path"] =
      nb::steal(PyUnicode_DecodeFSDefaultAndSize(info.path.data(), static_cast<Py_ssize_t>(info.path.size())));
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
  result["max_memory"] = info.max_memory;
  result["cache_block_positions"] = info.cache_block_positions;
  result["cache_bytes_per_position"] = info.cache_bytes_per_position;
  result["load_s"] = info.load_seconds;
  nb::list tensors;
  for (const load::ReportRow& row : info.tensors) {
    tensors.append(nb::make_tuple(row.type, row.held_as, row.n_tensors, row.n_bytes));
  }
  result["tensors"] = tensors;
  result["unused_tensors"] = info.unused_tensors;
  result["capabilities"] = to_dict(info.capabilities);
  return result;
}

nb::dict stats_of(const Owned& self) {
  const engine::Stats stats = self.engine->stats();
  nb::dict result;
  result["running"] = stats.running;
  result["queued"] = stats.queued;
  result["queued_tokens"] = stats.queued_tokens;
  result["finished"] = stats.finished;
  result["failed"] = stats.failed;
  result["cancelled"] = stats.cancelled;
  result["prompt_tokens"] = stats.prompt_tokens;
  result["completion_tokens"] = stats.completion_tokens;
  result["cached_tokens"] = stats.cached_tokens;
  result["drafted_tokens"] = stats.drafted_tokens;
  result["accepted_tokens"] = stats.accepted_tokens;
  result["preemptions"] = stats.preemptions;
  result["steps"] = stats.steps;
  result["busy_s"] = stats.busy_seconds;
  result["cache_bytes"] = stats.cache_bytes;
  result["prefix_bytes"] = stats.prefix_bytes;
  return result;
}

void start_engine(Owned* self, std::string path, std::string device, std::string ops, std::string cache_type, int ctx,
                  int threads, int prefill_chunk, int max_sequences, double target_latency, uint64_t max_memory,
                  int max_queue, int max_queue_tokens, std::optional<bool> speculation,
                  std::optional<uint64_t> prefix_memory, const CheckpointRef* source) {
  engine::Options options;
  options.path = std::move(path);
  options.device = std::move(device);
  options.ops = std::move(ops);
  options.cache_type = std::move(cache_type);
  options.n_ctx = ctx;
  options.n_threads = threads;
  options.prefill_chunk = prefill_chunk;
  options.max_sequences = max_sequences;
  options.target_latency = target_latency;
  options.max_memory = max_memory;
  options.max_queue = max_queue;
  options.max_queue_tokens = max_queue_tokens;
  options.speculation = speculation;
  options.prefix_memory = prefix_memory;
  if (source != nullptr) options.source = source->checkpoint;
  new (self) Owned(std::move(options));
}

std::shared_ptr<engine::Handle> submit(Owned& self, const nb::sequence& prompt, const nb::dict& params,
                                       std::shared_ptr<engine::Mailbox> mailbox, uint64_t key, bool whole,
                                       size_t max_unread) {
  return self.engine->submit(to_request(prompt, params), {std::move(mailbox), key, whole, max_unread});
}

void check(const Owned& self, const nb::sequence& prompt, const nb::dict& params) {
  self.engine->check(to_request(prompt, params));
}

void set_vocabulary(Owned& self, const nb::iterable& token_bytes, const nb::sequence& end_ids) {
  engine::Vocabulary vocabulary{{}, to_tokens(end_ids)};
  for (const nb::handle token : token_bytes) {
    const auto bytes = nb::cast<nb::bytes>(token);
    vocabulary.token_bytes.add({bytes.c_str(), bytes.size()});
  }
  self.engine->set_vocabulary(std::move(vocabulary));
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
  register_handle(m);
  const engine::Options defaults;
  nb::class_<Owned>(m, "Engine", "A loaded model and the thread that runs it.")
      .def("__init__", &start_engine, nb::arg("path"), nb::kw_only(), nb::arg("device") = "auto",
           nb::arg("ops") = "auto", nb::arg("cache_type") = "f16", nb::arg("ctx") = 0, nb::arg("threads") = 0,
           nb::arg("prefill_chunk") = 0, nb::arg("max_sequences") = 0, nb::arg("target_latency") = 0.0,
           nb::arg("max_memory") = 0, nb::arg("max_queue") = defaults.max_queue,
           nb::arg("max_queue_tokens") = defaults.max_queue_tokens, nb::arg("speculation") = nb::none(),
           nb::arg("prefix_memory") = nb::none(), nb::arg("source") = nb::none(),
           nb::sig(
               "def __init__(self, path: str, *, device: str = 'auto', ops: str = 'auto', cache_type: str = 'f16', "
               "ctx: int = 0, threads: int = 0, prefill_chunk: int = 0, max_sequences: int = 0, "
               "target_latency: float = 0.0, max_memory: int = 0, max_queue: int = 4096, max_queue_tokens: int = "
               "4194304, "
               "speculation: bool | None = None, prefix_memory: int | None = None, source: Checkpoint | None = None) "
               "-> None"),
           "Starts to load a GGUF file, or `source` in its place; 0 stands for what fluxmlx.load() says of None.")
      .def("wait_loaded", &wait_loaded, nb::arg("timeout"), "True once loaded, False when `timeout` seconds are over.")
      .def_prop_ro("progress", &progress_of, "Bytes loaded, bytes in all.")
      .def_prop_ro("info", &info_of, nb::for_getter(nb::sig("def info(self) -> dict[str, typing.Any]")),
                   "Facts about the model, its layout and the device; only once it is loaded.")
      .def("set_vocabulary", &set_vocabulary, nb::arg("token_bytes"), nb::arg("end_ids"),
           nb::sig("def set_vocabulary(self, token_bytes: collections.abc.Iterable[bytes], "
                   "end_ids: collections.abc.Sequence[int]) -> None"),
           "Once it is loaded and before the first request: the bytes of each token, the tokens that end an answer.")
      .def("submit", &submit, nb::arg("prompt"), nb::arg("params"), nb::arg("mailbox") = nb::none(), nb::arg("key") = 0,
           nb::arg("whole") = false, nb::arg("max_unread") = 0,
           nb::sig("def submit(self, prompt: collections.abc.Sequence[int], params: dict[str, typing.Any], "
                   "mailbox: Mailbox | None = None, key: int = 0, whole: bool = False, max_unread: int = 0) -> Handle"),
           "Queues a request: prompt token ids, and the fields of SamplingParams.to_native(). Its events, or only the "
           "end where `whole`, are announced in the mailbox by the key. With `max_unread`, one fails that has more "
           "bytes "
           "of events which nobody took.")
      .def("check", &check, nb::arg("prompt"), nb::arg("params"),
           nb::sig("def check(self, prompt: collections.abc.Sequence[int], params: dict[str, typing.Any]) -> None"),
           "Raises what submit() would raise of the request itself.")
      .def_prop_ro("stats", &stats_of, nb::for_getter(nb::sig("def stats(self) -> dict[str, typing.Any]")),
                   "What it has done, and what runs and waits now.")
      .def("close", &close, "Ends what runs and waits for the thread; may be called again.");
}

}  // namespace fluxmlx::bind
