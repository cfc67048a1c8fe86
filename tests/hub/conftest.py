"""A package index in a folder: wheels made by the tests, and a pip that looks nowhere else."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fluxmlx.hub import retries

MakeWheel = Callable[..., Path]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store of the test's own."""
    monkeypatch.setenv("FLUXMLX_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    monkeypatch.setenv("FLUXMLX_REGISTRY", "http://127.0.0.1:1")
    return tmp_path / "store"


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip takes for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def make_wheel(index: Path) -> MakeWheel:
    """Puts a wheel of `tiny-model` with the given members on the index."""

    def make(
        members: Mapping[str, bytes], *, version: str = "1.0", record: Mapping[str, bytes] | None = None
    ) -> Path:
        info = f"tiny_model-{version}.dist-info"
        meta = f"Metadata-Version: 2.1\nName: tiny-model\nVersion: {version}\nLicense: MIT\n"
        lines = [f"{name},sha256={_code(data)},{len(data)}" for name, data in (record or members).items()]
        path = index / f"tiny_model-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
            archive.writestr(f"{info}/METADATA", meta)
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,"]) + "\n")
        return path

    return make


def _code(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A registry on this machine that takes the place of Ollama's; attempts follow each other quickly."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    from fake_server import FakeRegistry

    server = FakeRegistry()
    monkeypatch.setenv("FLUXMLX_REGISTRY", server.url)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    yield server
    server.close()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A hub that takes the place of Hugging Face."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    from fake_hub import FakeHub
    from fake_server import FakeServer
    from huggingface_hub import close_session, constants, hf_api

    server = FakeServer()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    for module in (constants, hf_api.constants):
        monkeypatch.setattr(module, "ENDPOINT", server.url)
        monkeypatch.setattr(module, "HF_HUB_CACHE", str(tmp_path / "hf"))
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    yield FakeHub(server)
    close_session()
    server.close()
