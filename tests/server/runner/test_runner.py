"""A runner as its parents talk to it, with a tiny model behind it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "model"))

import tiny_models
from starlette.testclient import TestClient

import fluxmlx
from fluxmlx.errors import CapabilityError
from fluxmlx.server import ModelPool, ServerSettings, create_app
from fluxmlx.server.runner import runner_protocol
from fluxmlx.server.runner.dialects import choose
from fluxmlx.server.runner.request import read_request
from fluxmlx.server.stamps import Stamps

pytestmark = pytest.mark.engine
GO = {"User-Agent": "Go-http-client/1.1"}
NUMBERS = {"prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"}


class TinyLoader:
    """One file, by any name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def size(self, source: str) -> int:
        return 1000

    def stamps(self, source: str) -> Stamps:
        return Stamps([], is_named=False)

    def load(self, source: str, options: Mapping[str, Any], progress: Any) -> Any:
        return fluxmlx.load(self._path, device="cpu", **options)


@pytest.fixture(scope="module")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf", tiny_models.Tiny(tied=False))


@pytest.fixture(scope="module")
def client(tiny_path: Path) -> Iterator[TestClient]:
    settings = ServerSettings(access_log=False, context_length=64)
    pool = ModelPool(settings, TinyLoader(tiny_path))
    pool.add_source("tiny", "tiny")
    app = create_app(settings, pool, [runner_protocol("tiny")])
    with TestClient(app, base_url="http://localhost") as found:
        yield found


def lines(client: TestClient, path: str, body: Any, **headers: str) -> list[dict[str, Any]]:
    response = client.post(path, json=body, headers=headers)
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def test_the_line_format_of_ollama(client: TestClient, tiny_path: Path) -> None:
    """Every field on every line; zeros until the last, which has the counts and a number for its reason."""
    options = {"num_predict": 6, "temperature": 1.2, "seed": 5, "top_p": 0.9, "top_k": 40}
    found = lines(client, "/completion", {"Prompt": "Hello", "Options": options})
    with fluxmlx.load(tiny_path, device="cpu") as engine:
        alone = engine.generate(
            "Hello", min_p=0.0, max_tokens=6, temperature=1.2, seed=5, top_p=0.9, top_k=40
        )
    assert "".join(line["content"] for line in found) == alone.text
    for line in found[:-1]:
        assert set(line) == {"content", "done", "done_reason"} | NUMBERS
        assert not any(line[name] for name in NUMBERS | {"done", "done_reason"})
    last = found[-1]
    reason = {"stop": 0, "length": 1}[alone.finish_reason]
    assert (last["content"], last["done"], last["done_reason"]) == ("", True, reason)
    assert (last["prompt_eval_count"], last["eval_count"]) == (5, len(alone.tokens))
    assert last["eval_duration"] > 0 and last["prompt_eval_duration"] > 0


def test_the_plain_dialect_has_words_and_counts(client: TestClient) -> None:
    """Lower-case keys are answered with a word for the reason, and counts on every line."""
    found = lines(client, "/completion", {"prompt": "Hello", "options": {"num_predict": 4, "temperature": 0}})
    assert all(line["prompt_eval_count"] == 5 for line in found)
    assert found[-1]["done_reason"] in ("stop", "length") and found[0]["done_reason"] == ""


def test_the_runner_of_mlx(client: TestClient) -> None:
    """Keys with capitals, an object for errors, a type of its own."""
    response = client.post(
        "/v1/completions", json={"Prompt": "Hello", "Options": {"num_predict": 3}, "Logprobs": True}
    )
    assert response.headers["content-type"] == "application/jsonl"
    found = [json.loads(line) for line in response.text.splitlines()]
    assert found[-1]["Done"] is True and found[-1]["Error"] is None and found[-1]["EvalCount"] <= 3
    assert isinstance(found[-1]["DoneReason"], int)
    assert client.get("/v1/status").json()["Status"] == 0
    ids = client.post("/v1/tokenize", content="Hi", headers={"Content-Type": "text/plain"}).json()
    assert len(ids) == 2


def test_what_a_parent_asks_before(client: TestClient) -> None:
    """Load, health and devices, in the parent's own dialect."""
    assert client.post("/load", json={"Operation": 2, "KvSize": 64}, headers=GO).json()["Success"] is True
    assert client.get("/health", headers=GO).json() == {"status": 0, "progress": 1.0}
    assert client.get("/info", headers=GO).json() == []
    assert client.post("/load", json={"model": "tiny"}).json()["status"] == "loaded"
    assert client.get("/health").json() == {"status": "ok", "model_loaded": True, "current_model": "tiny"}
    assert client.get("/info").json()["device"] == "cpu"


def test_the_vector_is_the_models(client: TestClient, tiny_path: Path) -> None:
    """As the model has it, not of length 1."""
    with fluxmlx.load(tiny_path, device="cpu") as engine:
        expected = engine.embed("Hello", normalize=False).vector.tolist()
    assert client.post("/embedding", json={"content": "Hello"}).json() == {"embedding": expected}
    assert client.post("/embedding", json={"content": ""}).status_code == 400


def test_refusals_are_plain_text(client: TestClient) -> None:
    """As Ollama's parents show them; a prompt that is too long says both numbers."""
    body = {"Prompt": "a" * 300, "Options": {"num_predict": 1}}
    response = client.post("/completion", json=body)
    assert response.status_code == 400 and response.headers["content-type"].startswith("text/plain")
    assert "300" in response.text
    assert lines(client, "/completion", {**body, "Truncate": True})[-1]["prompt_eval_count"] < 300
    for wrong in ({"Prompt": 5}, {"Prompt": "a", "Images": [{"data": "", "id": 0}]}, {"Prompt": ""}):
        assert client.post("/completion", json=wrong).status_code == 400


def test_what_go_leaves_out_is_zero() -> None:
    """Options from a Go program: no temperature means greedy; from others, the default."""
    found = read_request({"Prompt": "a", "Options": {"top_k": 5}}, from_go=True)
    assert (found.options.sampling["temperature"], found.options.sampling["top_k"]) == (0.0, 5)
    assert (
        "temperature"
        not in read_request({"Prompt": "a", "Options": {"top_k": 5}}, from_go=False).options.sampling
    )
    assert read_request({"Prompt": "a"}, from_go=True).options.sampling == {}
    with pytest.raises(CapabilityError):
        read_request({"Prompt": "a", "Grammar": "root ::= x"}, from_go=True)


def test_the_dialect_goes_by_the_request() -> None:
    """Unless the runner was told."""
    assert (
        choose(None, {"Prompt": ""}, "curl") == "ollama"
        and choose(None, {}, "Go-http-client/1.1") == "ollama"
    )
    assert choose(None, {"prompt": ""}, "python") == "plain" and choose(None, {}, "", is_mlx=True) == "mlx"
    assert choose("plain", {"Prompt": ""}, "") == "plain"
