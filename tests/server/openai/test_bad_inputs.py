"""What has broken servers of this protocol elsewhere is refused here, and the next request is answered."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

pytestmark = pytest.mark.engine
HELLO = [{"role": "user", "content": "Hello"}]
COMPLETIONS: list[dict[str, Any]] = [
    {"prompt": [-1]},
    {"prompt": [2**31]},
    {"prompt": [2**70]},
    {"prompt": [1.5]},
    {"prompt": ["a", 1]},
    {"prompt": [[]]},
    {"prompt": ["a"] * 2049},
    {"max_tokens": -1},
    {"max_tokens": 2**63},
    {"max_tokens": "10"},
    {"n": 10**9},
    {"best_of": 10**9},
    {"logprobs": 10**6},
    {"logprobs": True},
    {"top_k": -5},
    {"temperature": -1},
    {"temperature": 1e30},
    {"top_p": 2},
    {"min_p": 5},
    {"repetition_penalty": 0},
    {"typical_p": -1},
    {"seed": 2**64},
    {"seed": "x"},
    {"logit_bias": {"999999": 1}},
    {"logit_bias": {str(i): 1 for i in range(1025)}},
    {"logit_bias": {"1": 1e308}},
    {"logit_bias": {"abc": 1}},
    {"stop": ["x"] * 17},
    {"stop": "x" * 257},
    {"stop": [""]},
    {"min_tokens": 10, "max_tokens": 5},
    {"keep_alive": [1]},
    {"keep_alive": "5 minutes"},
    {"num_ctx": -5},
    {"options": {"num_ctx": "big"}},
    {"n_discard": -1},
    {"stream_options": 5},
    {"suffix": "end"},
]
CHATS: list[dict[str, Any]] = [
    {"messages": None},
    {"messages": []},
    {"messages": [{}]},
    {"messages": [{"role": "king", "content": "a"}]},
    {"messages": [{"role": "user", "content": 5}]},
    {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}
        ]
    },
    {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": 5}}]}]},
    {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]},
    {"messages": HELLO * 100_000},
    {"chat_template_kwargs": {"messages": []}},
    {"chat_template_kwargs": {"tokenize": True}},
    {"response_format": {"type": "json_schema"}},
    {"response_format": {}},
    {"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
    {"max_completion_tokens": 0},
    {"top_logprobs": 3},
]


def check(client: TestClient, path: str, body: dict[str, Any]) -> None:
    """It is refused, with a reason, in time; and so is the same as a stream."""
    for stream in ({}, {"stream": True}):
        began = time.monotonic()
        response = client.post(path, json={**body, **stream})
        assert time.monotonic() - began < 10
        assert response.status_code == 400, response.text
        error = response.json()["error"]
        assert error["message"] and error["type"] == "invalid_request_error"
    good = client.post("/v1/completions", json={"model": "tiny", "prompt": "a", "max_tokens": 1})
    assert good.status_code == 200


@pytest.mark.parametrize("fields", COMPLETIONS, ids=lambda fields: str(fields)[:40])
def test_completions(client: TestClient, fields: dict[str, Any]) -> None:
    """Of the prompt, of options, of what does not exist."""
    check(client, "/v1/completions", {"model": "tiny", "prompt": "a", "max_tokens": 2, **fields})


@pytest.mark.parametrize("fields", CHATS, ids=lambda fields: str(fields)[:40])
def test_chats(client: TestClient, fields: dict[str, Any]) -> None:
    """Of messages, of the template's variables, of what is not possible yet."""
    check(client, "/v1/chat/completions", {"model": "tiny", "messages": HELLO, "max_tokens": 2, **fields})


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "x" * 10_240, "no such", "none", "a:b:c"])
def test_names_that_no_model_has(client: TestClient, name: str) -> None:
    """404, and nothing of this machine in the message."""
    response = client.post("/v1/completions", json={"model": name, "prompt": "a"})
    assert response.status_code == 404, response.text
    assert response.json()["error"]["code"] == "model_not_found" and len(response.text) < 500
