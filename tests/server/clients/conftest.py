"""One server with SmolLM2 for the clients that people use, each as it comes from the package index."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]

from real_server import serving_model


@pytest.fixture(scope="session")
def url(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server is; its model is called `smol`."""
    with serving_model(smollm2, tmp_path_factory.mktemp("store")) as running:
        yield running.url


@pytest.fixture(autouse=True)
def _no_proxies_and_no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients ask for nothing but the server."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
