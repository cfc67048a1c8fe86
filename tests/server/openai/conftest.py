"""A tokenizer of a few tokens, and a server in this process with a tiny model."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[2] / "model"))

import tiny_models
from fake_answers import FakeTokenizer
from starlette.testclient import TestClient

import fluxmlx
from fluxmlx.errors import ModelNotFoundError
from fluxmlx.server import ModelPool, ServerSettings, create_app
from fluxmlx.server.openai import PROTOCOL
from fluxmlx.server.stamps import Stamps

THINKER = (
    "{% for m in messages %}{{ m.content }}{% endfor %}{% if enable_thinking is not defined or enable_thinking %}"
    "<think>\n{% endif %}"
)


@pytest.fixture
def tokenizer() -> Any:
    return FakeTokenizer()


@pytest.fixture
def engine(tokenizer: Any) -> Any:
    """What prompts are made with."""
    return SimpleNamespace(tokenizer=tokenizer, capabilities=SimpleNamespace(n_ctx=4))


class TinyLoader:
    """Models by the stems of their files."""

    def __init__(self, *paths: Path) -> None:
        self._paths = {path.stem: path for path in paths}

    def size(self, source: str) -> int:
        return 1

    def stamps(self, source: str) -> Stamps:
        return Stamps([], is_named=False)

    def load(self, source: str, options: Mapping[str, Any], progress: Any) -> Any:
        if source not in self._paths:
            raise ModelNotFoundError(f"model {source!r} not found")
        return fluxmlx.load(self._paths[source], device="cpu", **options)


@pytest.fixture(scope="module")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf", tiny_models.Tiny(tied=False))


@pytest.fixture(scope="module")
def client(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server with two models: `tiny`, and `thinker`, whose template opens its thoughts."""
    shape = tiny_models.Tiny(tied=False, template=THINKER)
    thinker = tiny_models.write(tmp_path_factory.mktemp("tiny") / "thinker.gguf", shape)
    settings = ServerSettings(access_log=False)
    pool = ModelPool(settings, TinyLoader(tiny_path, thinker))
    pool.add_source("tiny", "tiny")
    with TestClient(create_app(settings, pool, [PROTOCOL]), base_url="http://localhost") as found:
        yield found
