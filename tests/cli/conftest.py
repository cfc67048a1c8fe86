"""The command line with an engine that needs no model: in this process, and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fluxmlx

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server where the command line looks for one, and an empty store."""
    for name in ("FLUXMLX_HOST", "FLUXMLX_API_KEY", "OLLAMA_NOHISTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    monkeypatch.setenv("FLUXMLX_HOME", str(tmp_path / "home"))


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fake server, which FLUXMLX_HOST names."""
    monkeypatch.syspath_prepend(str(HERE))
    from fake_ollama import FakeOllama

    fake = FakeOllama()
    monkeypatch.setenv("FLUXMLX_HOST", fake.host)
    yield fake
    fake.close()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The fake engine that `fluxmlx.load` returns in this test."""
    monkeypatch.syspath_prepend(str(HERE))
    from fake_engine import FakeEngine

    fake = FakeEngine()
    monkeypatch.setattr(fluxmlx, "load", fake.load, raising=False)
    return fake


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs the command line in this process; stdin is a pipe with the given text."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FLUXMLX_DEBUG", raising=False)

    def call(*arguments: str, stdin: str = "") -> Any:
        from fluxmlx.cli.app import app

        return CliRunner().invoke(app, list(arguments), input=stdin, prog_name="fluxmlx")

    return call


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Starts the command line with the fake engine as a process; all three streams are pipes unless told."""

    def call(
        *arguments: str, variables: dict[str, str] | None = None, **streams: Any
    ) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} | (variables or {})
        command = [sys.executable, str(HERE / "fake_engine.py"), *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        return subprocess.Popen(command, env=environment, text=True, **pipes)

    return call
