"""The routes of OpenAI's protocol, with a tiny model behind them."""

from __future__ import annotations

import base64
from array import array
from pathlib import Path

import pytest
from asking import GREEDY, HELLO, post, refusal, stream
from fake_answers import counts
from starlette.testclient import TestClient

import fluxmlx

pytestmark = pytest.mark.engine


def test_the_answer_is_the_librarys(client: TestClient, tiny_path: Path) -> None:
    """The same prompt, options and seed give the same text as the engine alone."""
    options = {"temperature": 1.3, "seed": 11, "max_tokens": 12, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
    with fluxmlx.load(tiny_path, device="cpu") as engine:
        expected = engine.generate("Hello", repeat_last_n=-1, **options).text
        chat = engine.chat(HELLO, repeat_last_n=-1, **options).text
    whole = post(client, "/v1/completions", model="tiny", prompt="Hello", **options)
    assert whole["choices"][0]["text"] == expected
    whole = post(client, "/v1/chat/completions", model="tiny", messages=HELLO, **options)
    assert whole["choices"][0]["message"]["content"] == chat
    chunks = stream(client, "/v1/chat/completions", model="tiny", messages=HELLO, **options)
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == chat


def test_the_legacy_shape_is_the_engines_score(client: TestClient, tiny_path: Path) -> None:
    """Echo with log-probabilities of a list of token lists: what lm-eval adds up is what engine.score says."""
    prompts = [[72, 101, 108, 108, 111], [65, 66]]
    body = post(
        client,
        "/v1/completions",
        model="tiny",
        prompt=prompts,
        echo=True,
        logprobs=1,
        max_tokens=1,
        temperature=0,
    )
    with fluxmlx.load(tiny_path, device="cpu") as engine:
        for prompt, choice in zip(prompts, body["choices"], strict=True):
            rows = choice["logprobs"]
            assert {len(rows[key]) for key in rows} == {len(prompt) + 1}
            assert rows["token_logprobs"][:-1] == list(engine.score(prompt).logprobs)
            for value, top in zip(rows["token_logprobs"][1:], rows["top_logprobs"][1:], strict=True):
                assert value in top.values()


def test_an_echo_alone_writes_nothing(client: TestClient) -> None:
    """max_tokens 0: the prompt and its probabilities."""
    body = post(client, "/v1/completions", model="tiny", prompt="Hello", echo=True, logprobs=0, max_tokens=0)
    choice = body["choices"][0]
    assert (choice["text"], choice["finish_reason"], body["usage"]["completion_tokens"]) == (
        "Hello",
        "length",
        0,
    )
    assert choice["logprobs"]["text_offset"] == [0, 1, 2, 3, 4]


def test_a_stream_adds_up(client: TestClient) -> None:
    """Two prompts, two answers each, echoed with probabilities: chunk by chunk what comes whole."""
    asked = {
        **GREEDY,
        "prompt": ["Hello", "A"],
        "n": 2,
        "echo": True,
        "logprobs": 1,
        "temperature": 1,
        "seed": 3,
    }
    whole = post(client, "/v1/completions", **asked)
    chunks = stream(client, "/v1/completions", **asked, stream_options={"include_usage": True})
    assert counts(chunks[-1]["usage"]) == counts(whole["usage"]) and chunks[-1]["choices"] == []
    for index, choice in enumerate(whole["choices"]):
        parts = [chunk["choices"][0] for chunk in chunks[:-1] if chunk["choices"][0]["index"] == index]
        assert "".join(part["text"] for part in parts) == choice["text"]
        assert [v for part in parts for v in part["logprobs"]["token_logprobs"]] == choice["logprobs"][
            "token_logprobs"
        ]
        assert [part["finish_reason"] for part in parts][-1] == choice["finish_reason"]


def test_what_was_read_before_is_told(client: TestClient) -> None:
    """Tokens of a prompt that another request had read are counted apart, as OpenAI's servers do."""
    prompt = "b" * 200
    first = post(client, "/v1/completions", **GREEDY, prompt=prompt)["usage"]
    again = post(client, "/v1/completions", **GREEDY, prompt=prompt)["usage"]
    assert counts(first) == counts(again) and first["prompt_tokens_details"] == {"cached_tokens": 0}
    assert 100 < again["prompt_tokens_details"]["cached_tokens"] < 200


def test_best_of_counts_what_was_written(client: TestClient) -> None:
    """One of three answers is given, and all three are paid for."""
    body = post(
        client, "/v1/completions", **{**GREEDY, "temperature": 1, "seed": 1}, prompt="Hello", best_of=3
    )
    assert len(body["choices"]) == 1 and body["choices"][0]["logprobs"] is None
    assert body["usage"]["completion_tokens"] == 18


def test_thoughts_are_apart(client: TestClient) -> None:
    """A template that opens the model's thoughts: what comes is thought until the mark; switched off, it is content."""
    asked = {**GREEDY, "model": "thinker", "messages": HELLO}
    message = post(client, "/v1/chat/completions", **asked)["choices"][0]["message"]
    assert message["content"] == "" and message["reasoning_content"]
    for off in (
        {"reasoning_effort": "none"},
        {"reasoning": {"effort": "none"}},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ):
        message = post(client, "/v1/chat/completions", **asked, **off)["choices"][0]["message"]
        assert message["content"] and "reasoning_content" not in message


def test_what_is_refused_says_why(client: TestClient) -> None:
    """In OpenAI's shape, with the field."""
    error = refusal(client, "/v1/completions", 404, model="../../x", prompt="a")
    assert (error["type"], error["code"], error["param"]) == ("not_found_error", "model_not_found", "model")
    error = refusal(client, "/v1/completions", model="tiny", prompt="a" * 300)
    assert (error["code"], error["n_prompt_tokens"], error["n_ctx"]) == ("context_length_exceeded", 300, 256)
    assert "300" in error["message"] and "256" in error["message"]
    error = refusal(
        client, "/v1/chat/completions", model="tiny", messages=HELLO, tools=[{"type": "function"}]
    )
    assert error["code"] == "not_supported"
    error = refusal(
        client, "/v1/chat/completions", model="tiny", messages=HELLO, chat_template_kwargs={"tokenize": 1}
    )
    assert error["param"] == "chat_template_kwargs"
    error = refusal(client, "/v1/chat/completions", model="tiny", messages=HELLO, reasoning_effort="high")
    assert error["param"] == "reasoning_effort"
    both = {"reasoning_effort": "none", "reasoning": {"effort": "high"}}
    error = refusal(client, "/v1/chat/completions", model="tiny", messages=HELLO, **both)
    assert error["param"] == "reasoning_effort"
    error = refusal(client, "/v1/completions", model="tiny", prompt=[-1])
    assert error["param"] == "prompt"
    error = refusal(client, "/v1/completions", model="tiny", prompt="a", logit_bias={"99999": 1})
    assert "99999" in error["message"]
    error = refusal(client, "/v1/completions", model="tiny", prompt="a", temperature="hot")
    assert (error["param"], error["code"]) == ("temperature", "invalid_type")
    error = refusal(client, "/v1/completions", model="tiny", prompt="a", keep_alive="soon")
    assert error["param"] == "keep_alive"


def test_a_stream_that_cannot_begin_is_an_error(client: TestClient) -> None:
    """With its real status, not an event in a stream."""
    error = refusal(client, "/v1/chat/completions", 404, model="none", messages=HELLO, stream=True)
    assert error["code"] == "model_not_found"


def test_models_are_listed_with_their_state(client: TestClient) -> None:
    """`data` is a list; a loaded model tells its device, context and capabilities."""
    post(client, "/v1/completions", **GREEDY, prompt="a")
    body = client.get("/v1/models").json()
    row = next(row for row in body["data"] if row["id"] == "tiny") if body["data"] else {}
    row = row or client.get("/v1/models/tiny").json()
    assert (row["object"], row["ready"], row["state"], row["device"]) == ("model", True, "ready", "cpu")
    assert row["capabilities"] == ["completion"] and row["max_model_len"] == 256
    assert client.get("/v1/models/no/such").status_code == 404


def test_tokens_and_back(client: TestClient) -> None:
    """vLLM's shapes: control tokens that are written out are found, and written out again."""
    body = post(client, "/tokenize", model="tiny", prompt="Hi<|im_end|>", add_special_tokens=False)
    assert (body["count"], body["max_model_len"]) == (3, 256)
    assert post(client, "/detokenize", model="tiny", tokens=body["tokens"])["prompt"] == "Hi<|im_end|>"
    ids = post(client, "/tokenize", model="tiny", messages=HELLO, return_token_strs=True)
    assert len(ids["token_strs"]) == ids["count"]
    bare = post(client, "/tokenize", model="tiny", messages=HELLO, add_generation_prompt=False)
    assert 0 < bare["count"] < ids["count"] and ids["tokens"][: bare["count"]] == bare["tokens"]
    reserved = refusal(client, "/tokenize", model="tiny", messages=HELLO, chat_template_kwargs={"tools": []})
    assert reserved["param"] == "chat_template_kwargs"
    info = client.get("/tokenizer_info", params={"model": "tiny"}).json()
    assert info["vocab_size"] > 256 and "im_start" in info["chat_template"]
    assert refusal(client, "/detokenize", model="tiny", tokens=[10**6])["param"] == "tokens"
    assert refusal(client, "/tokenize", model="tiny")["param"] == "prompt"


def test_embeddings_are_the_engines(client: TestClient, tiny_path: Path) -> None:
    """Of texts and of token ids, as numbers or as bytes; cut, they have length 1 again."""
    with fluxmlx.load(tiny_path, device="cpu") as engine:
        expected = [one.vector.tolist() for one in engine.embed(["Hello", "<|im_end|>"])]
    whole = post(client, "/v1/embeddings", model="tiny", input=["Hello", "<|im_end|>"])
    assert [row["embedding"] for row in whole["data"]] == expected
    assert whole["usage"] == {"prompt_tokens": 15, "total_tokens": 15}
    ids = post(client, "/tokenize", model="tiny", prompt="Hello")["tokens"]
    packed = post(client, "/v1/embeddings", model="tiny", input=ids, encoding_format="base64")["data"][0][
        "embedding"
    ]
    assert list(array("f", base64.b64decode(packed))) == expected[0]
    short = post(client, "/v1/embeddings", model="tiny", input="Hello", dimensions=8)["data"][0]["embedding"]
    assert len(short) == 8 and abs(sum(value * value for value in short) - 1) < 1e-6


def test_embeddings_say_what_they_cannot(client: TestClient) -> None:
    """A wrong form, or more numbers than there are: the field."""
    assert refusal(client, "/v1/embeddings", model="tiny", input="a", dimensions=999)["param"] == "dimensions"
    assert (
        refusal(client, "/v1/embeddings", model="tiny", input="a" * 300)["code"] == "context_length_exceeded"
    )
    assert refusal(client, "/v1/embeddings", model="tiny", input="")["param"] == "input"
    assert (
        refusal(client, "/v1/embeddings", model="tiny", input="a", encoding_format="x")["param"]
        == "encoding_format"
    )
