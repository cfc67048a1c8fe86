"""One server with SmolLM2 for the clients that people use, each as it comes from the package index."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]

import httpx
from real_server import serving


@pytest.fixture(scope="session")
def url(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server is; its model is called `smol`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLUXMLX_HOME", str(tmp_path_factory.mktemp("store")))
        patch.setenv("OLLAMA_MODELS", str(tmp_path_factory.mktemp("ollama")))
        with serving("serve_model.py", model=smollm2, alias="smol") as running:
            until = time.monotonic() + 60
            while httpx.get(running.url + "/ready").status_code != 200 and time.monotonic() < until:
                time.sleep(0.05)
            yield running.url


@pytest.fixture(autouse=True)
def _no_proxies_and_no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients ask for nothing but the server."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
