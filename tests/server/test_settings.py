"""Where settings come from, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.server import ServerSettings, load_settings
from fluxmlx.server.durations import FOR_EVER, duration, keep_alive


def test_the_later_source_wins(tmp_path: Path) -> None:
    """Defaults, file, OLLAMA_*, FLUXMLX_*, flags: each over the one before."""
    file = tmp_path / "fluxmlx.yaml"
    file.write_text("keep_alive: 1m\nmax-queue: 7\nOLLAMA_NUM_PARALLEL: 3\nload_timeout: 1s\nadmin: false\n")
    environ = {
        "OLLAMA_MAX_QUEUE": "8",
        "FLUXMLX_MAX_QUEUE": "9",
        "OLLAMA_NUM_PARALLEL": "4",
        "OLLAMA_DEBUG": "1",
    }
    found = load_settings({"max_queue": 10, "port": None}, config=file, environ=environ)
    assert (found.max_queue, found.num_parallel, found.keep_alive, found.admin) == (10, 4, 60.0, False)
    assert load_settings(config=file, environ=environ).max_queue == 9
    assert load_settings(environ={}) == ServerSettings()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 11434), ("localhost:1", "localhost", 1), (":80", "127.0.0.1", 80),
        ("http://127.0.0.1", "127.0.0.1", 80), ("http://localhost:8080/", "localhost", 8080),
        ("[::1]:9", "::1", 9), ("::1", "::1", 11434), ("https://localhost", "localhost", 443),
    ],
)  # fmt: skip
def test_hosts_as_ollama_writes_them(text: str, host: str, port: int) -> None:
    """OLLAMA_HOST in all its spellings."""
    found = load_settings(environ={"OLLAMA_HOST": text})
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("300ms", 0.3),
        ("1.5h", 5400),
        ("0", 0),
        ("90", 90),
        (90, 90),
        (".5s", 0.5),
    ],
)
def test_durations(text: Any, seconds: float) -> None:
    """Go's notation, and numbers of seconds."""
    assert duration("x", text) == pytest.approx(seconds)


def test_keep_alive_for_ever() -> None:
    """Negative is for ever; a text in a request needs its unit, a variable does not."""
    assert keep_alive("keep_alive", -1) == keep_alive("keep_alive", "-1m") == FOR_EVER
    assert load_settings(environ={"OLLAMA_KEEP_ALIVE": "-1"}).keep_alive == FOR_EVER
    with pytest.raises(InvalidArgumentError, match="unit"):
        keep_alive("keep_alive", "-1")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"OLLAMA_HOST": "localhost:99999"}, "OLLAMA_HOST"),
        ({"OLLAMA_HOST": "0.0.0.0"}, "api_key"),
        ({"FLUXMLX_PORT": "x"}, "FLUXMLX_PORT is 'x'"),
        ({"OLLAMA_KEEP_ALIVE": "soon"}, "OLLAMA_KEEP_ALIVE"),
        ({"OLLAMA_MAX_QUEUE": "0"}, "from 1"),
        ({"FLUXMLX_MEMORY_BUDGET": "8 parsecs"}, "size"),
        ({"FLUXMLX_ADMIN": "maybe"}, "true or false"),
    ],
)
def test_bad_values_name_their_place(environ: dict[str, str], words: str) -> None:
    """The error says which variable, its value, and what was expected."""
    with pytest.raises(InvalidArgumentError, match=words):
        load_settings(environ=environ)


@pytest.mark.parametrize(
    "text", ["keepalive: 5m", "- 1", "{", "max_queue: [1]", "origins: {a: 1}", "host: true"]
)
def test_bad_files(tmp_path: Path, text: str) -> None:
    """An unknown name, no mapping, no YAML, a value of the wrong kind."""
    file = tmp_path / "fluxmlx.yaml"
    file.write_text(text)
    with pytest.raises(InvalidArgumentError, match=r"fluxmlx\.yaml"):
        load_settings(config=file, environ={})


def test_others_can_reach_it_only_with_a_key() -> None:
    """An address beyond this machine needs a key, or the word that none is wanted; the key is not shown."""
    found = load_settings({"host": "0.0.0.0", "api_key": "secret"}, environ={})
    assert not found.is_local and not found.allows_admin and "secret" not in repr(found)
    assert load_settings({"host": "0.0.0.0", "no_auth": True}, environ={}).no_auth


def test_sizes() -> None:
    """Sizes with and without units."""
    sizes = [load_settings({"memory_budget": text}, environ={}).memory_budget for text in ("8GiB", "1.5k", 7)]
    assert sizes == [8 << 30, 1500, 7]
