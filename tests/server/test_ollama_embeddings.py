"""Ollama's /api/embed and /api/embeddings over a stub."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from stub_engine import StubEngine

Open = Callable[..., httpx.AsyncClient]


def post(open_client: Open, path: str, body: Any) -> httpx.Response:
    async def main() -> httpx.Response:
        async with open_client(StubEngine()) as client:
            return await client.post(path, json=body)

    return asyncio.run(main())


def test_embeddings(open_client: Open) -> None:
    """One vector for each text, of length 1, also when it is cut short; the older form is as the model has it."""
    found = post(open_client, "/api/embed", {"model": "a", "input": ["x", "yy"]}).json()
    assert found["embeddings"] == [[0.6, 0.8, 0.0]] * 2 and found["prompt_eval_count"] == 3
    short = post(open_client, "/api/embed", {"model": "a", "input": "x", "dimensions": 1}).json()
    assert short["embeddings"] == [[1.0]]
    assert post(open_client, "/api/embed", {"model": "a", "input": ""}).json()["embeddings"] == []
    cut = post(open_client, "/api/embed", {"model": "a", "input": "x" * 600}).json()
    assert (cut["prompt_eval_count"], cut["prompt_cut_count"]) == (512, 88)
    old = post(open_client, "/api/embeddings", {"model": "a", "prompt": "x"}).json()
    assert old == {"embedding": [3.0, 4.0, 0.0]}
    old = post(open_client, "/api/embeddings", {"model": "a", "prompt": "x" * 600}).json()
    assert old["prompt_cut_count"] == 88
    assert post(open_client, "/api/embeddings", {"model": "a", "prompt": ""}).json() == {"embedding": []}
