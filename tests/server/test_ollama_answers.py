"""Ollama's /api/generate, /api/chat and /api/embed over a stub: shapes, special cases, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from stub_engine import StubEngine, StubLoader

Open = Callable[..., httpx.AsyncClient]
CHAT = {"model": "a", "messages": [{"role": "user", "content": "Why?"}]}
GENERATE = {"model": "a", "prompt": "Why?"}
NUMBERS = {
    "total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration",
}  # fmt: skip


def post(
    open_client: Open, path: str, body: Any, engine: StubEngine | None = None, **settings: Any
) -> httpx.Response:
    async def main() -> httpx.Response:
        async with open_client(engine or StubEngine(), **settings) as client:
            return await client.post(path, json=body)

    return asyncio.run(main())


def rows(found: httpx.Response) -> list[dict[str, Any]]:
    assert found.status_code == 200, found.text
    return [json.loads(line) for line in found.text.splitlines()]


def test_generate_streams_objects(open_client: Open) -> None:
    """A line for each piece; the last one has the numbers, in nanoseconds, and the context."""
    *pieces, last = rows(post(open_client, "/api/generate", GENERATE))
    assert [row["response"] for row in pieces] == ["It ", "is ", "blue."]
    assert all(
        row["model"] == "a" and row["done"] is False and row["created_at"].endswith("Z") for row in pieces
    )
    assert last["response"] == "" and last["done"] is True and last["done_reason"] == "stop"
    assert set(last) >= NUMBERS and all(isinstance(last[name], int) and last[name] > 0 for name in NUMBERS)
    assert (last["prompt_eval_duration"], last["eval_duration"]) == (500_000_000, 1_500_000_000)
    assert bytes(last["context"][:9]) == b"user:Why?" and last["context"][-3:] == [3, 3, 5]


def test_chat_streams_messages(open_client: Open) -> None:
    """The same in messages, without a context."""
    *pieces, last = rows(post(open_client, "/api/chat", CHAT))
    assert [row["message"] for row in pieces] == [
        {"role": "assistant", "content": word} for word in ("It ", "is ", "blue.")
    ]
    assert last["message"] == {"role": "assistant", "content": ""} and set(last) >= NUMBERS
    assert "context" not in last


@pytest.mark.parametrize(("path", "body"), [("/api/generate", GENERATE), ("/api/chat", CHAT)])
def test_whole_answers(open_client: Open, path: str, body: dict[str, Any]) -> None:
    """Without a stream it is one object with all of it, log-probabilities too."""
    found = post(open_client, path, {**body, "stream": False, "logprobs": True, "top_logprobs": 1})
    assert found.headers["content-type"].startswith("application/json")
    [row] = rows(found)
    assert row.get("response", row.get("message", {}).get("content")) == "It is blue."
    assert row["logprobs"][2] == {
        "token": "blue.", "logprob": -0.5, "bytes": list(b"blue."),
        "top_logprobs": [{"token": "A", "logprob": -0.25, "bytes": [65]}],
    }  # fmt: skip


def test_thoughts_are_apart(open_client: Open) -> None:
    """What a thinking model thinks is in `thinking`; `think` reaches the template; others refuse it."""
    engine = StubEngine(words=("<th", "ink>hm", "m</think>", "\n\nyes"), thinks=True)
    found = rows(post(open_client, "/api/chat", {**CHAT, "think": True}, engine))
    assert engine.template_options == {"enable_thinking": True, "thinking": True}
    assert "".join(row["message"].get("thinking", "") for row in found) == "hmm"
    assert "".join(row["message"]["content"] for row in found) == "yes"
    [whole] = rows(post(open_client, "/api/generate", {**GENERATE, "stream": False, "think": "high"}, engine))
    assert (whole["thinking"], whole["response"]) == ("hmm", "yes")
    assert engine.template_options == {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}
    rows(post(open_client, "/api/chat", CHAT, engine))
    assert engine.template_options == {"enable_thinking": True}
    refused = post(open_client, "/api/chat", {**CHAT, "think": True})
    assert (refused.status_code, refused.json()) == (400, {"error": '"a" does not support thinking'})


def test_options_reach_the_engine(open_client: Open) -> None:
    """Ollama's names and defaults; names that nobody knows are passed over."""
    engine = StubEngine()
    options = {
        "temperature": 0.5,
        "num_predict": 7,
        "repeat_penalty": 1.2,
        "seed": -7,
        "num_gpu": 3,
        "unknown": 1,
    }
    rows(post(open_client, "/api/generate", {**GENERATE, "options": options}, engine))
    found = engine.params
    assert (found.temperature, found.max_tokens, found.repetition_penalty) == (0.5, 7, 1.2)
    assert (found.seed, found.top_k, found.top_p, found.min_p) == (2**64 - 7, 40, 0.9, 0.0)


def test_loading_and_unloading(open_client: Open, loader: StubLoader) -> None:
    """An empty prompt loads, with keep_alive 0 it unloads."""

    async def main() -> None:
        async with open_client() as client:
            for path, field in [("/api/generate", {}), ("/api/chat", {"messages": []})]:
                row = (await client.post(path, json={"model": "a", **field})).json()
                assert (row["done"], row["done_reason"]) == (True, "load")
                assert [one["name"] for one in (await client.get("/api/ps")).json()["models"]] == ["a:latest"]
                row = (await client.post(path, json={"model": "a", "keep_alive": 0, **field})).json()
                assert row["done_reason"] == "unload"
                assert (await client.get("/api/ps")).json() == {"models": []}

    asyncio.run(main())
    assert len(loader.loads) == 2


def test_a_cut_is_told(open_client: Open) -> None:
    """A prompt over the context is cut in its middle; a chat loses its oldest messages first; both say how much."""
    engine = StubEngine()
    options = {"num_ctx": 100}
    last = rows(
        post(open_client, "/api/generate", {**GENERATE, "prompt": "x" * 200, "options": options}, engine)
    )[-1]
    assert last["prompt_cut_count"] == len("user:\n") + 200 - 75 and "messages_cut_count" not in last
    assert bytes(engine.calls[-1][0][:4]) == b"user" and len(engine.calls[-1][0]) == 75
    assert engine.params.max_tokens == 25
    talk = [{"role": "system", "content": "S"}] + [{"role": "user", "content": f"{n:010}"} for n in range(20)]
    last = rows(post(open_client, "/api/chat", {**CHAT, "messages": talk, "options": options}, engine))[-1]
    kept = bytes(engine.calls[-1][0]).decode()
    assert kept.startswith("system:S\n") and kept.endswith("user:0000000019\n")
    assert last["messages_cut_count"] == 20 - kept.count("user:")
    assert last["prompt_cut_count"] == 16 * last["messages_cut_count"]
    refused = post(
        open_client, "/api/chat", {**CHAT, "messages": talk, "options": options, "truncate": False}
    )
    assert refused.status_code == 400 and "329" in refused.text and "100" in refused.text


def test_raw_and_context(open_client: Open) -> None:
    """`raw` takes the prompt as it is; a context goes before it."""
    engine = StubEngine()
    rows(post(open_client, "/api/generate", {**GENERATE, "raw": True}, engine))
    assert bytes(engine.calls[-1][0]) == b"Why?"
    rows(post(open_client, "/api/generate", {**GENERATE, "context": [1, 2]}, engine))
    assert engine.calls[-1][0] == [1, 2, *b"user:Why?\n"]


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/api/generate", {"model": "none", "prompt": "a"}, 404, "model 'none' not found"),
        ("/api/generate", {**GENERATE, "raw": True, "system": "s"}, 400, "raw mode"),
        ("/api/generate", {**GENERATE, "images": ["aGk="]}, 400, '"a" does not support images'),
        ("/api/generate", {**GENERATE, "suffix": "x"}, 400, '"a" does not support insert'),
        ("/api/generate", {**GENERATE, "format": "json"}, 400, "does not support format"),
        ("/api/generate", {**GENERATE, "format": {"type": "object"}}, 400, "does not support format"),
        ("/api/generate", {**GENERATE, "format": {}}, 400, "does not support format"),
        ("/api/chat", {**CHAT, "format": "xml"}, 400, 'invalid format: "xml"'),
        ("/api/generate", {**GENERATE, "options": {"top_k": "x"}}, 400, "must be of type integer"),
        ("/api/generate", {**GENERATE, "options": {"temperature": -1}}, 400, "temperature"),
        ("/api/generate", {**GENERATE, "top_logprobs": 21}, 400, "top_logprobs must be between 0 and 20"),
        ("/api/generate", {**GENERATE, "keep_alive": "-1"}, 400, "unit"),
        ("/api/generate", {**GENERATE, "think": "much"}, 400, "think"),
        ("/api/generate", {**GENERATE, "context": [1.5]}, 400, "context"),
        ("/api/generate", {**GENERATE, "context": [-1]}, 400, "context[0]"),
        ("/api/generate", {**GENERATE, "context": [1, 10**30]}, 400, "context[1]"),
        ("/api/generate", {**GENERATE, "options": {"temperature": 10**400}}, 400, "temperature"),
        ("/api/generate", {**GENERATE, "options": {"num_predict": 2**63}}, 400, "num_predict"),
        ("/api/generate", {**GENERATE, "options": {"num_predict": "10"}}, 400, "num_predict"),
        ("/api/generate", {**GENERATE, "options": {"stop": ["x"] * 10_000}}, 400, "stop"),
        ("/api/generate", {**GENERATE, "options": {"stop": [""]}}, 400, "stop"),
        ("/api/generate", {**GENERATE, "options": {"stop": ["x" * 2**20]}}, 400, "stop"),
        ("/api/generate", {**GENERATE, "options": {"top_p": 2}}, 400, "top_p"),
        ("/api/generate", {**GENERATE, "options": {"repeat_penalty": 0}}, 400, "repeat_penalty"),
        ("/api/generate", {**GENERATE, "options": [1]}, 400, "options"),
        ("/api/generate", {"model": ["a"]}, 400, "model"),
        ("/api/generate", {"model": "../../x", "prompt": "a"}, 404, "not found"),
        ("/api/chat", {"messages": []}, 400, "model is required"),
        ("/api/chat", {**CHAT, "tools": [{"type": "function"}]}, 400, '"a" does not support tools'),
        ("/api/chat", {**CHAT, "messages": [{"role": "user", "images": ["x"]}]}, 400, "images"),
        ("/api/chat", {**CHAT, "messages": [{"content": "no role"}]}, 400, "role"),
        ("/api/chat", {**CHAT, "messages": [{"role": "user", "content": 7}]}, 400, "content"),
        ("/api/chat", {**CHAT, "messages": [{"role": "user"}] * 10_001}, 400, "messages"),
        ("/api/embed", {"model": "a", "input": 7}, 400, "invalid input type"),
        ("/api/embed", {"model": "a", "input": ["x", 1]}, 400, "invalid input type"),
        (
            "/api/embed",
            {"model": "a", "input": "x" * 600, "truncate": False},
            400,
            "exceeds the context length",
        ),
        ("/api/embed", {"model": "a", "input": "x", "dimensions": -1}, 400, "dimensions"),
        ("/api/embed", {"input": "x"}, 400, "model is required"),
    ],
)
def test_refusals(open_client: Open, path: str, body: Any, status: int, text: str) -> None:
    """What cannot be done is said, with Ollama's words where it has any; nothing is passed over in silence."""
    found = post(open_client, path, body)
    assert found.status_code == status and text in found.json()["error"]


def test_odd_values_that_have_a_meaning(open_client: Open) -> None:
    """A life of the model beyond all time, more threads and context than there are, an answer without an end."""
    options = {"num_thread": 10**6, "num_ctx": 2**40, "num_predict": -2, "seed": 2**63}

    async def main() -> None:
        async with open_client() as client:
            body = {**GENERATE, "keep_alive": 1e300, "options": options, "stream": False}
            assert (await client.post("/api/generate", json=body)).status_code == 200
            assert (await client.get("/api/ps")).json()["models"][0]["expires_at"].startswith("2318")

    asyncio.run(main())


def test_keys_in_any_case_and_nulls(open_client: Open) -> None:
    """As with Go, the case of a key does not matter and null is nothing."""
    body = {"Model": "a", "PROMPT": "x", "Stream": False, "system": None, "options": None, "format": None}
    assert rows(post(open_client, "/api/generate", body))[0]["response"] == "It is blue."


def test_a_full_queue_is_told_at_once(open_client: Open) -> None:
    """503 with Ollama's sentence and Retry-After, before the prompt is even read, within 50 ms."""

    async def main() -> None:
        async with open_client(StubEngine(queued=5), max_queue=5) as client:
            await client.post("/api/generate", json={"model": "a"})
            loop = asyncio.get_running_loop()
            seconds: list[float] = []
            for _ in range(5):
                began = loop.time()
                found = await client.post("/api/generate", json={**GENERATE, "prompt": "x" * 1_000_000})
                seconds.append(loop.time() - began)
                assert (found.status_code, found.headers["retry-after"]) == (503, "1")
                assert found.json()["error"].startswith("server busy, please try again.  maximum")
            assert min(seconds) < 0.05

    asyncio.run(main())
