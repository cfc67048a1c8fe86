"""`fluxmlx serve`: its flags are the server's settings, and it says who has its place."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from fluxmlx import server


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[server.ServerSettings, str | None]]:
    """What the server was started with."""
    calls: list[tuple[server.ServerSettings, str | None]] = []
    monkeypatch.delenv("OLLAMA_HOST")
    monkeypatch.setattr(server, "run_server", lambda settings, model: calls.append((settings, model)))
    return calls


def changed(settings: server.ServerSettings) -> dict[str, Any]:
    """What is not as it is without flags."""
    usual = asdict(server.ServerSettings())
    return {name: value for name, value in asdict(settings).items() if value != usual[name]}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], {}),
        (["--host", "localhost:80"], {"host": "localhost", "port": 80}),
        (["--port", "0"], {"port": 0}),
        (["--keep-alive", "10m"], {"keep_alive": 600.0}),
        (["--keep-alive=-1"], {"keep_alive": float("inf")}),
        (["--max-queue", "7"], {"max_queue": 7}),
        (["-np", "8"], {"num_parallel": 8}),
        (["-c", "4096"], {"context_length": 4096}),
        (["--max-loaded-models", "2"], {"max_loaded_models": 2}),
        (["--memory-budget", "8GiB"], {"memory_budget": 8 << 30}),
        (["-t", "2"], {"threads": 2}),
        (
            ["--origins", "http://a.example,http://b.example"],
            {"origins": ("http://a.example", "http://b.example")},
        ),
        (["--allowed-hosts", "a.example"], {"allowed_hosts": ("a.example",)}),
        (["--host", "0.0.0.0", "--api-key", "k"], {"host": "0.0.0.0", "api_key": "k"}),
        (["--no-auth"], {"no_auth": True}),
        (["--no-admin"], {"admin": False}),
        (["--load-timeout", "1m"], {"load_timeout": 60.0}),
        (["--shutdown-timeout", "5"], {"shutdown_timeout": 5.0}),
        (["--no-access-log"], {"access_log": False}),
        (["-a", "x"], {"alias": "x"}),
    ],
)
def test_each_flag_is_a_setting(invoke: Any, served: Any, flags: list[str], expected: dict[str, Any]) -> None:
    """Given, it is set; not given, the server's default holds."""
    assert invoke("serve", "tiny", *flags).exit_code == 0
    ((settings, model),) = served
    assert (changed(settings), model) == (expected, "tiny")


def test_variables_and_a_file(
    invoke: Any, served: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A flag goes over a variable, and that over the file."""
    (tmp_path / "server.yaml").write_text("max_queue: 1\nthreads: 1\nkeep_alive: 1m\n")
    monkeypatch.setenv("OLLAMA_KEEP_ALIVE", "2m")
    monkeypatch.setenv("FLUXMLX_THREADS", "3")
    assert invoke("serve", "--config", str(tmp_path / "server.yaml"), "--threads", "4").exit_code == 0
    assert changed(served[0][0]) == {"max_queue": 1, "keep_alive": 120.0, "threads": 4}


@pytest.mark.parametrize(
    "flags", [["--host", "0.0.0.0"], ["--keep-alive", "soon"], ["--port", "70000"], ["--config", "no.yaml"]]
)
def test_what_cannot_be_is_one_line(invoke: Any, served: Any, flags: list[str]) -> None:
    """An address for all without a key, times and ports that are none, a file that is missing: exit code 1."""
    result = invoke("serve", *flags)
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and served == []


@pytest.mark.parametrize(("header", "who"), [("", "an Ollama"), ("fluxmlx/9.9", "another fluxmlx")])
def test_a_place_that_is_taken(invoke: Any, ollama: Any, header: str, who: str) -> None:
    """The error says by whom, and what to do."""
    ollama.server = header
    result = invoke("serve", "--host", ollama.host)
    assert result.exit_code == 1
    assert f"http://{ollama.host} is taken by {who} (version" in result.stderr and "--port" in result.stderr
