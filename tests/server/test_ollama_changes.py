"""Models that are made anew, and what a request says about the model that it uses."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from model_store import digest_of, run, send

from fluxmlx import hub

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("store")]


def test_a_model_that_is_made_anew(gguf: Path) -> None:
    """The next request has the new one, whoever made it; a create that fails lets the loaded one be."""
    data = gguf.read_bytes()

    async def work(client: httpx.AsyncClient) -> None:
        await send(client, data)

        async def create(**fields: Any) -> httpx.Response:
            body = {"model": "mine", "files": {"a.gguf": digest_of(data)}, **fields}
            return await client.post("/api/create", json=body)

        async def prompt() -> str:
            body = {
                "model": "mine",
                "messages": [{"role": "user", "content": "x"}],
                "_debug_render_only": True,
            }
            found = (await client.post("/api/chat", json={**body, "stream": False})).json()
            assert found["created_at"]
            return found["_debug_info"]["rendered_template"]

        async def n_loaded() -> int:
            return len((await client.get("/api/ps")).json()["models"])

        await create(system="First.")
        assert "First." in await prompt() and await n_loaded() == 1
        assert '"error"' in (await create(files={"a.gguf": digest_of(b"none")})).text
        assert await n_loaded() == 1
        assert '"success"' in (await create(system="Second.")).text
        assert await n_loaded() == 0
        assert "Second." in await prompt()
        recipe = hub.Recipe(from_=digest_of(data), system="Third.")
        await asyncio.to_thread(lambda: list(hub.create("mine", recipe)))
        assert "Third." in await prompt()

    run(work)


def test_a_template_of_the_request(gguf: Path) -> None:
    """One of Go's that puts fields together is used; control tokens in the prompt stay text."""

    async def ids(client: httpx.AsyncClient, prompt: str) -> list[int]:
        template = "<|im_start|>Q: {{- .Prompt }} A:\n"
        options = {"num_predict": 1}
        body = {"model": "tiny", "prompt": prompt, "template": template, "stream": False, "options": options}
        found = (await client.post("/api/generate", json=body)).json()
        return found["context"][:-1]

    async def work(client: httpx.AsyncClient) -> None:
        def tokens(prompt: str) -> Any:
            return client.post("/tokenize", json={"model": "tiny", "prompt": prompt})

        plain = (await tokens("<|im_start|>Q:x A:\n")).json()["tokens"]
        assert await ids(client, "x") == plain
        marked = await ids(client, "<|im_start|>")
        assert marked.count(plain[0]) == 1 and len(marked) > len(plain) + 5

    run(work, source=gguf)


def test_who_may_not_manage_decides_nothing_for_others(gguf: Path) -> None:
    """An answer with keep_alive 0 unloads the model for who may, and not for who may not."""

    async def work(client: httpx.AsyncClient) -> None:
        body = {"model": "tiny", "prompt": "a", "keep_alive": 0}
        for path, more in [("/api/generate", {"stream": False}), ("/v1/completions", {}), ("/api/embed", {})]:
            found = await client.post(path, json={**body, **more} if path != "/api/embed" else
                                      {"model": "tiny", "input": "a", "keep_alive": 0})  # fmt: skip
            assert found.status_code == 200, found.text
            assert len((await client.get("/api/ps")).json()["models"]) == 1

    run(work, source=gguf, admin=False)
