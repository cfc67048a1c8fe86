"""Servers without a socket and without a model; the real ones are in test_process.py and beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path += [str(Path(__file__).parent / "support"), str(Path(__file__).parents[1] / "model")]

import httpx
import tiny_models
from stub_engine import StubEngine, StubLoader

from fluxmlx.server import ModelPool, ServerSettings, create_app

Open = Callable[..., httpx.AsyncClient]


@pytest.fixture
def loader() -> StubLoader:
    return StubLoader()


@pytest.fixture
def open_client(loader: StubLoader) -> Open:
    """Makes a client of an application: `open_client(engine, protocols=..., **settings)`; call it on the loop."""

    def make(engine: StubEngine | None = None, protocols: Any = None, **settings: Any) -> httpx.AsyncClient:
        if engine is not None:
            loader.engine = lambda: engine
        whole = ServerSettings(**settings)
        app = create_app(whole, ModelPool(whole, loader), protocols)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:11434")
        client.app = app  # type: ignore[attr-defined]
        return client

    return make


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and no way out."""
    monkeypatch.setenv("FLUXMLX_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    monkeypatch.setenv("FLUXMLX_REGISTRY", "http://127.0.0.1:1")
    return tmp_path / "store"


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    return tiny_models.write(tmp_path / "tiny.gguf", tiny_models.Tiny(tied=False))
