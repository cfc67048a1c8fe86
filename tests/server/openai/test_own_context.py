"""What a request says of its own context, and counts that come with every chunk."""

from __future__ import annotations

import pytest
from asking import GREEDY, HELLO, post, refusal, stream
from starlette.testclient import TestClient

pytestmark = pytest.mark.engine


def test_a_context_of_the_requests_own(client: TestClient) -> None:
    """num_ctx bounds prompt and answer, by either name; a longer prompt is refused with both numbers."""
    for more in ({"num_ctx": 64}, {"options": {"num_ctx": 64}}):
        body = post(
            client, "/v1/completions", **GREEDY | {"max_tokens": 50}, prompt=["a" * 60, "c" * 63], **more
        )
        assert [choice["finish_reason"] for choice in body["choices"]] == ["length", "length"]
        assert body["usage"]["completion_tokens"] == 4 + 1
        error = refusal(client, "/v1/completions", **GREEDY, prompt="a" * 65, **more)
        assert (error["code"], error["n_prompt_tokens"], error["n_ctx"]) == (
            "context_length_exceeded",
            65,
            64,
        )
        error = refusal(
            client,
            "/v1/chat/completions",
            model="tiny",
            messages=[{"role": "user", "content": "a" * 65}],
            **more,
        )
        assert (error["code"], error["n_ctx"]) == ("context_length_exceeded", 64)
    body = post(client, "/v1/chat/completions", model="tiny", messages=HELLO, num_ctx=64, ignore_eos=True)
    assert body["usage"]["total_tokens"] == 64


def test_counts_with_every_chunk(client: TestClient) -> None:
    """Of the prompt, and of what was written by then."""
    asked = {**GREEDY, "stream_options": {"include_usage": True, "continuous_usage_stats": True}}
    for path, prompt in [
        ("/v1/completions", {"prompt": "Hello"}),
        ("/v1/chat/completions", {"messages": HELLO}),
    ]:
        chunks = stream(client, path, **asked, **prompt)
        written = [chunk["usage"]["completion_tokens"] for chunk in chunks]
        assert written == sorted(written) and written[-1] == 6 and written[-3] in (5, 6)
        assert len({chunk["usage"]["prompt_tokens"] for chunk in chunks}) == 1
