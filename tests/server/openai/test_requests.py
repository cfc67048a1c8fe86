"""Bodies of requests: what is taken, what is refused, and what of it the engine is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from fluxmlx.errors import CapabilityError
from fluxmlx.server.errors import RequestError
from fluxmlx.server.invalid import invalid_failure
from fluxmlx.server.openai.chat_request import ChatRequest
from fluxmlx.server.openai.completion_request import CompletionRequest
from fluxmlx.server.openai.embedding_request import EmbeddingRequest, embedding_body, shortened
from fluxmlx.server.openai.fields import SURFACE

HELLO = [{"role": "user", "content": "Hello"}]


def completion(**fields: Any) -> CompletionRequest:
    return CompletionRequest.model_validate({"model": "m", "prompt": "Hello", **fields})


def chat(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": HELLO, **fields})


def with_body(error: ValidationError) -> list[dict[str, Any]]:
    """The problems as FastAPI tells them."""
    return [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ["a"]),
        (None, [""]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
    ],
)
def test_a_prompt_may_have_four_forms(prompt: Any, prompts: Any) -> None:
    """Text, texts, token ids, lists of token ids; none is an empty text."""
    assert completion(prompt=prompt).prompts() == prompts


@pytest.mark.parametrize("prompt", [["a", 1], [[1], "a"], [[1], 2], 1, {"a": 1}, [1.5], [True], [[[1]]]])
def test_a_prompt_of_another_form_is_refused(prompt: Any) -> None:
    """With the field's name, and each form that it could have."""
    with pytest.raises(ValidationError) as caught:
        completion(prompt=prompt)
    assert invalid_failure(with_body(caught.value)).param == "prompt"


def test_defaults_are_those_of_openai() -> None:
    """Not the library's: temperature 1, no truncation; 16 tokens for a completion, no limit for a chat."""
    params = completion().params(SURFACE)
    assert (params.temperature, params.top_p, params.top_k, params.min_p, params.max_tokens) == (
        1,
        1,
        0,
        0,
        16,
    )
    assert chat().params(SURFACE).max_tokens is None


def test_fields_become_options() -> None:
    """By their own names, those of Ollama within `options`; the field goes over the option."""
    request = chat(temperature=0, seed=7, n=2, stop="x", logit_bias={"5": -100}, max_completion_tokens=9,
                   logprobs=True, top_logprobs=3, options={"top_k": 3, "temperature": 0.5})  # fmt: skip
    params = request.params(SURFACE)
    assert (params.temperature, params.seed, params.n, params.stop) == (0, 7, 2, ("x",))
    assert (params.logit_bias, params.max_tokens, params.logprobs) == ({5: float("-inf")}, 9, 3)
    assert params.top_k == 3


def test_echoed_log_probabilities_are_those_of_the_prompt_too() -> None:
    """As lm-eval asks for them."""
    params = completion(echo=True, logprobs=1, max_tokens=0).params(SURFACE)
    assert (params.prompt_logprobs, params.logprobs, params.max_tokens) == (1, 1, 0)
    assert completion(logprobs=1).params(SURFACE).prompt_logprobs is None


def test_best_of_needs_likelihoods() -> None:
    """More answers are written than given, and each token's log-probability is wanted to choose."""
    params = completion(n=2, best_of=4).params(SURFACE)
    assert (params.n, params.logprobs) == (4, 0)


def test_options_of_the_load_are_apart() -> None:
    """num_ctx as a field goes over that of `options`."""
    assert chat(num_ctx=128, options={"num_ctx": 64, "num_thread": 2}).load_options() == {
        "ctx": 128,
        "threads": 2,
    }
    assert chat().load_options() == {}


REFUSED = [
    ({"temperature": -1}, "temperature"),
    ({"top_p": 2}, "top_p"),
    ({"n": 10**9}, "n"),
    ({"n": 0}, "n"),
    ({"stop": ["x"] * 17}, "stop"),
    ({"stop": ""}, "stop"),
    ({"logit_bias": {"abc": 1}}, "logit_bias"),
    ({"seed": 2**64}, "seed"),
    ({"num_ctx": 0}, "num_ctx"),
    ({"options": {"top_k": "x"}}, "options"),
    ({"options": {"no_such": 1}}, "options"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
]
OF_COMPLETIONS = [
    ({"max_tokens": -1}, "max_tokens"),
    ({"logprobs": 10**6}, "logprobs"),
    ({"best_of": 1, "n": 2}, "best_of"),
    ({"best_of": 2, "stream": True}, "best_of"),
    ({"prompt": []}, "prompt"),
]
OF_CHATS = [
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1, "max_completion_tokens": 2}, "max_completion_tokens"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"top_logprobs": 1}, "top_logprobs"),
    ({"response_format": {"type": "xml"}}, "response_format"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
    ({"tool_choice": "any"}, "tool_choice"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user"}]}, "messages"),
    ({"messages": [{"role": "user", "content": [{"type": "sound"}]}]}, "messages"),
]


@pytest.mark.parametrize(
    ("make", "fields", "param"),
    [(completion, *row) for row in REFUSED + OF_COMPLETIONS] + [(chat, *row) for row in REFUSED + OF_CHATS],
)
def test_what_cannot_be_used_is_refused_by_name(make: Any, fields: dict[str, Any], param: str) -> None:
    """The error says which field it was."""
    with pytest.raises(RequestError) as caught:
        request = make(**fields)
        request.params(SURFACE)
        request.load_options()
        request.with_usage()
        request.prompts() if make is completion else request.conversation()
    assert caught.value.failure.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": "10"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": 1}, "stream"),
        ({"messages": {}}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"temperatur": 1}, "temperatur"),
        ({"stream_options": {"usage": True}}, "stream_options"),
    ],
)
def test_a_wrong_type_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    """Nothing is converted, and no field is unknown."""
    with pytest.raises(ValidationError) as caught:
        chat(**fields)
    failure = invalid_failure(with_body(caught.value))
    assert (failure.status, failure.param) == (400, param)
    assert param in failure.message


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"modalities": ["audio"]},
        {"functions": [{"name": "f"}]},
        {"web_search_options": {"user_location": None}},
    ],
)
def test_what_is_not_possible_yet_is_said(fields: dict[str, Any]) -> None:
    """Never passed over in silence."""
    with pytest.raises(CapabilityError):
        chat(**fields).params(SURFACE)
    with pytest.raises(CapabilityError):
        completion(suffix="end").params(SURFACE)


def test_pictures_are_refused() -> None:
    """The capability error, not an empty text in their place."""
    part = {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}
    with pytest.raises(CapabilityError):
        chat(messages=[{"role": "user", "content": [part]}]).conversation()


def test_fields_of_the_service_are_accepted() -> None:
    """Those that OpenAI's own client sends, and that do not change what the answer is."""
    chat(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="none").params(SURFACE)
    chat(user="me", metadata={}, store=True, service_tier="auto", parallel_tool_calls=True, tools=[],
         response_format={"type": "text"}, tool_choice="none").params(SURFACE)  # fmt: skip


def test_messages_are_as_templates_want_them() -> None:
    """Parts are joined, developers are the system, arguments of calls are objects."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    found = chat(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "4", "tool_call_id": "c"},
        ]
    ).conversation()
    assert [one["role"] for one in found] == ["system", "user", "assistant", "tool"]
    assert found[1]["content"] == "ab"
    assert found[2]["tool_calls"][0]["function"]["arguments"] == {"a": 1}


def test_embeddings_have_their_forms_too() -> None:
    """Inputs in four forms, none of them empty; vectors as numbers or as bytes."""
    one = EmbeddingRequest.model_validate({"model": "m", "input": [[1, 2], [3]], "encoding_format": "base64"})
    assert one.inputs() == [[1, 2], [3]] and one.as_base64()
    for bad in ("", [], [""], [[]]):
        with pytest.raises(RequestError):
            EmbeddingRequest.model_validate({"model": "m", "input": bad}).inputs()
    with pytest.raises(RequestError):
        EmbeddingRequest.model_validate({"model": "m", "input": "a", "encoding_format": "hex"}).as_base64()


def test_vectors_are_written_lowest_byte_first_and_shortened_to_length_one() -> None:
    """What the official client reads by default."""
    assert shortened([3.0, 4.0, 12.0], 2) == [0.6, 0.8]
    assert shortened([3.0, 4.0], None) == [3.0, 4.0]
    with pytest.raises(RequestError):
        shortened([1.0], 2)
    body = embedding_body("m", [[1.0, -2.0]], 5, as_base64=True)
    assert body["data"][0]["embedding"] == "AACAPwAAAMA="
    assert body["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
