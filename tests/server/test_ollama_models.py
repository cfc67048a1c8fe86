"""Ollama's routes about models, on a store of the test's own with tiny models in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from model_store import digest_of, run, send

pytestmark = pytest.mark.usefixtures("store")


def test_the_service() -> None:
    """The root says the sentence, the version is one that clients take."""

    async def work(client: httpx.AsyncClient) -> None:
        assert (await client.get("/")).text == "Ollama is running"
        assert (await client.head("/")).status_code == 200
        version = (await client.get("/api/version")).json()["version"]
        assert tuple(map(int, version.split("."))) >= (0, 6, 0)
        assert (await client.get("/api/tags")).json() == {"models": []}
        assert (await client.head("/api/tags")).status_code == 200

    run(work)


@pytest.mark.engine
def test_a_model_from_its_blob_to_its_end(gguf: Path) -> None:
    """Blob, create, tags, show, copy, generate, ps, delete: what each does is seen by the next."""
    data = gguf.read_bytes()

    async def work(client: httpx.AsyncClient) -> None:
        assert (await client.head(f"/api/blobs/{digest_of(data)}")).status_code == 404
        assert (await send(client, data)).status_code == 201
        assert (await send(client, data)).status_code == 200
        assert (await client.head(f"/api/blobs/{digest_of(data)}")).status_code == 200
        body = {"model": "mine", "files": {"a.gguf": digest_of(data)}, "parameters": {"temperature": 0.5},
                "system": "Be short.", "license": "MIT", "stream": False}  # fmt: skip
        assert (await client.post("/api/create", json=body)).json() == {"status": "success"}
        [row] = (await client.get("/api/tags")).json()["models"]
        assert (row["name"], row["model"], len(row["digest"])) == ("mine:latest", "mine:latest", 64)
        shown = (await client.post("/api/show", json={"name": "mine"})).json()
        assert (
            shown["system"] == "Be short."
            and "temperature" in shown["parameters"]
            and shown["license"] == "MIT"
        )
        assert shown["model_info"]["general.architecture"] == "llama" and shown["capabilities"] == [
            "completion"
        ]
        assert shown["model_info"]["tokenizer.ggml.tokens"] == []
        copied = {"source": "mine", "destination": "yours"}
        assert (await client.post("/api/copy", json=copied)).status_code == 200
        asked = {"model": "yours", "prompt": "a", "stream": False, "options": {"num_predict": 2}}
        assert (await client.post("/api/generate", json=asked)).json()["done"] is True
        [row] = (await client.get("/api/ps")).json()["models"]
        assert row["name"] == "yours:latest" and row["size"] > 0 and row["expires_at"]
        page = (await client.get("/metrics")).text
        assert 'fluxmlx_engine_blocks{model="yours:latest"} 0.0' in page
        assert 'fluxmlx_engine_blocks_kept{model="yours:latest"} 1.0' in page
        for name in ("yours", "mine"):
            assert (await client.request("DELETE", "/api/delete", json={"model": name})).status_code == 200
        assert (await client.get("/api/tags")).json() == {"models": []}
        assert (await client.get("/api/ps")).json() == {"models": []}

    run(work)


@pytest.mark.engine
def test_what_the_server_was_started_with(gguf: Path) -> None:
    """A file is listed and shown under its stem, and its path is no name that a client may use."""

    async def work(client: httpx.AsyncClient) -> None:
        [row] = (await client.get("/api/tags")).json()["models"]
        assert row["name"] == "tiny" and row["details"]["family"] == "llama"
        shown = await client.post("/api/show", json={"model": "Tiny:latest", "verbose": True})
        assert str(gguf) not in shown.text and "FROM tiny" in shown.json()["modelfile"]
        assert len(shown.json()["model_info"]["tokenizer.ggml.tokens"]) > 5
        tensors = {row["name"]: row for row in shown.json()["tensors"]}
        assert (
            tensors["token_embd.weight"]["type"] == "F32" and len(tensors["token_embd.weight"]["shape"]) == 2
        )
        for name in (str(gguf), "./tiny.gguf", "/etc/passwd"):
            found = await client.post("/api/show", json={"model": name})
            assert found.status_code == 404, found.text
        body = {"model": "made", "from": "TINY", "system": "Be short.", "stream": False}
        assert (await client.post("/api/create", json=body)).json() == {"status": "success"}
        copied = {"source": "tiny", "destination": "copied"}
        assert (await client.post("/api/copy", json=copied)).status_code == 200
        rows = {row["id"]: row for row in (await client.get("/v1/models")).json()["data"]}
        assert set(rows) == {"tiny", "made:latest", "copied:latest"}
        for row in (*rows.values(), (await client.get("/v1/models/made")).json()):
            assert (row["state"], row["ready"], row["device"]) == ("unloaded", False, "cpu")
            assert row["capabilities"] == ["completion"]
        assert (await client.get("/v1/models/TINY")).json()["id"] == "tiny"

    run(work, source=gguf)


def test_blobs_that_lie() -> None:
    """Another digest than the bytes have, and no digest at all, are refused, and nothing is kept."""

    async def work(client: httpx.AsyncClient) -> None:
        lie = digest_of(b"other")
        found = await send(client, b"bytes", lie)
        assert found.status_code == 400 and lie[7:] in found.text, found.text
        assert (await client.head(f"/api/blobs/{lie}")).status_code == 404
        for digest in ("sha256:x", "../../x", "sha256:" + "A" * 64, "sha256-" + "a" * 64):
            assert (await send(client, b"bytes", digest)).status_code in (400, 404)

    run(work)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/api/show", {"model": "none"}, 404, "model 'none' not found"),
        ("POST", "/api/show", {}, 400, "model is required"),
        ("POST", "/api/copy", {"source": "none", "destination": "b"}, 404, 'model "none" not found'),
        ("POST", "/api/copy", {"source": "../x", "destination": "b"}, 400, 'source "../x" is invalid'),
        ("DELETE", "/api/delete", {"model": "none"}, 404, "model 'none' not found"),
        ("POST", "/api/pull", {"model": ""}, 400, "model is required"),
        ("POST", "/api/pull", {"model": "/etc/passwd"}, 404, "not found"),
        ("POST", "/api/push", {"model": "a"}, 400, "push is not supported"),
        ("POST", "/api/create", {"model": "a"}, 400, "neither 'from' or 'files' was specified"),
        ("POST", "/api/create", {"model": "a", "from": "/etc/passwd"}, 404, "not found"),
        ("POST", "/api/create", {"model": "a", "files": {"x": "../../x"}}, 400, "sha256"),
        ("POST", "/api/create", {"model": "a", "from": "b", "adapters": {"x": "y"}}, 400, "adapters"),
        ("POST", "/api/create", {"model": "a", "from": "b", "quantize": "q4_0"}, 400, "quantize"),
        (
            "POST",
            "/api/create",
            {"model": "a", "from": "b", "renderer": "qwen3"},
            400,
            "renderer is not supported",
        ),
        ("POST", "/api/create", {"model": "a", "from": "b", "draft_files": {"x": "y"}}, 400, "draft_files"),
        ("POST", "/api/create", {"model": "a", "modelfile": "FROM b"}, 400, "modelfile is not supported"),
        (
            "POST",
            "/api/create",
            {"model": "a", "from": "b", "messages": [{"role": "user", "content": "x", "images": ["aGk="]}]},
            400,
            "a role and a content",
        ),
    ],
)
def test_refusals(method: str, path: str, body: Any, status: int, text: str) -> None:
    """With Ollama's words where it has any."""

    async def work(client: httpx.AsyncClient) -> None:
        found = await client.request(method, path, json=body)
        assert found.status_code == status and text in found.json()["error"], found.text

    run(work)


def test_a_pull_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a registry the error is a status before the stream, or the stream's last object after its first."""
    from fluxmlx.hub import retries

    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)

    async def work(client: httpx.AsyncClient) -> None:
        found = await client.post("/api/pull", json={"model": "none", "insecure": True})
        last = found.text.splitlines()[-1]
        assert '"error"' in last and (found.status_code >= 400 or '"status"' in found.text)
        found = await client.post("/api/pull", json={"model": "none", "stream": False, "insecure": True})
        assert found.status_code == 502 and "error" in found.json()

    run(work)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/pull"), ("POST", "/api/push"), ("POST", "/api/create"), ("POST", "/api/copy"),
     ("DELETE", "/api/delete"), ("POST", "/api/blobs/sha256:" + "a" * 64)],
)  # fmt: skip
def test_managing_can_be_turned_off(method: str, path: str) -> None:
    """Beyond this machine, and where a setting says so, models are for use only; pages never manage them."""

    async def work(client: httpx.AsyncClient) -> None:
        assert (await client.request(method, path, json={})).status_code == 403

    async def page(client: httpx.AsyncClient) -> None:
        headers = {"Origin": "https://app.example"}
        assert (await client.request(method, path, json={}, headers=headers)).status_code == 403

    run(work, admin=False)
    run(work, host="0.0.0.0", no_auth=True)
    run(page, origins=("https://app.example",))
