// Event, Handle and Mailbox: what a running request gives back, as Python sees it.
#include "engine/handle.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/numpy.h"

namespace fluxmlx::bind {
namespace {

using engine::Event;
using engine::Handle;
using engine::Mailbox;
using Seconds = std::chrono::duration<double>;

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

nb::object embedding_of(const Event& event) {
  return event.embedding.empty() ? nb::none() : to_numpy<float>(event.embedding);
}

std::vector<Event> take_events(Handle& handle, double timeout, bool whole) {
  const nb::gil_scoped_release released;
  return handle.take(Seconds(timeout), whole);
}

std::vector<uint64_t> wait_for_keys(Mailbox& mailbox, double timeout) {
  const nb::gil_scoped_release released;
  return mailbox.wait(Seconds(timeout));
}

void register_event(nb::module_& m) {
  nb::class_<Event>(m, "Event", "One thing that a request gave: a token, or the end of an answer.")
      .def_prop_ro(
          "is_end", [](const Event& e) { return e.kind == Event::Kind::end; }, "Whether it is the end of an answer.")
      .def_ro("index", &Event::index, "Which of the request's n answers.")
      .def_ro("text", &Event::text, "Whole characters that are certain by now.")
      .def_prop_ro(
          "token_bytes", [](const Event& e) { return nb::bytes(e.bytes.data(), e.bytes.size()); },
          "What the token stands for, whole characters or not.")
      .def_prop_ro(
          "token", [](const Event& e) { return e.choice.token; },
          "Its id; at the end, that of the token which ended the answer, or -1.")
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
      .def_prop_ro("cached_tokens", [](const Event& e) { return e.usage.cached_tokens; })
      .def_prop_ro("drafted_tokens", [](const Event& e) { return e.usage.drafted_tokens; })
      .def_prop_ro("accepted_tokens", [](const Event& e) { return e.usage.accepted_tokens; })
      .def_prop_ro(
          "queued_s", [](const Event& e) { return e.timings.queued; }, "Seconds of waiting for a place.")
      .def_prop_ro(
          "prompt_s", [](const Event& e) { return e.timings.prompt; }, "Seconds of reading the prompt.")
      .def_prop_ro(
          "decode_s", [](const Event& e) { return e.timings.decode; }, "Seconds of writing the answer.")
      .def_prop_ro("prompt_logprobs", &prompt_logprobs_of, "(logprob, top) of each prompt token but the first.")
      .def_prop_ro(
          "saved", [](const Event& e) { return nb::bytes(e.saved.data(), e.saved.size()); },
          "The memory of the prompt's whole cache blocks, where the request asked for it.")
      .def_prop_ro("embedding", &embedding_of, nb::for_getter(nb::sig("def embedding(self) -> typing.Any")),
                   "(n_embd,) float32, or None where no pooling was asked for.");
}

}  // namespace

void register_handle(nb::module_& m) {
  register_event(m);
  nb::class_<Handle>(m, "Handle", "The caller's end of one request.")
      .def("take", &take_events, nb::arg("timeout"), nb::arg("whole") = false,
           "The events since the last call, after at most `timeout` seconds of waiting for one, or, with `whole`, for "
           "the end. Where nothing is left, raises the error of a request that failed.")
      .def("cancel", &Handle::cancel, "Drops the request before the engine's next step.");
  nb::class_<Mailbox>(m, "Mailbox", "Where many handles say that they have events, each by its key.")
      .def(nb::init<>())
      .def("fileno", &Mailbox::descriptor, "A descriptor that is readable while keys wait to be taken.")
      .def("close", &Mailbox::close, "Gives the descriptor back; nobody may wait for it any more.")
      .def("take", &Mailbox::take, "The keys of handles with news; returns at once.")
      .def("wait", &wait_for_keys, nb::arg("timeout"), "The same, after at most `timeout` seconds of waiting.");
}

}  // namespace fluxmlx::bind
