"""The client of a server: whom it finds, and what becomes of what goes wrong."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from fluxmlx.cli.client import Client, NoServerError, Who, find_server
from fluxmlx.cli.host import Host, find_host
from fluxmlx.errors import (
    CapabilityError,
    EngineError,
    FluxmlxError,
    InvalidArgumentError,
    ModelNotFoundError,
    QueueFullError,
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("example", "http://example:11434"),
        ("example:80", "http://example:80"),
        (":8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("[::]:8080", "http://[::1]:8080"),
        ("::1", "http://[::1]:11434"),
        ("http://example", "http://example:80"),
        ("https://example/ollama/", "https://example:443/ollama"),
        ("https://example:8443", "https://example:8443"),
        (" 'example:1' ", "http://example:1"),
    ],
)
def test_the_host_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, text: str, url: str) -> None:
    """Every spelling of OLLAMA_HOST is an address; the one for all interfaces is asked on this machine."""
    monkeypatch.setenv("OLLAMA_HOST", text)
    assert find_host().url == url


def test_our_variable_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLUXMLX_HOST wins over OLLAMA_HOST."""
    monkeypatch.setenv("FLUXMLX_HOST", "here:1")
    assert find_host() == Host("here", 1)


@pytest.mark.parametrize("text", ["ftp://x", "x:port", "x:99999", "user@x", "x?y", "[::1"])
def test_what_is_no_address_is_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The error names the variable and its value."""
    monkeypatch.setenv("OLLAMA_HOST", text)
    with pytest.raises(InvalidArgumentError, match="OLLAMA_HOST"):
        find_host()


def test_a_probe_tells_who_answers(ollama: Any) -> None:
    """Our own server by its Server header, every other as an Ollama; nobody is None."""
    assert find_server().probe() == Who("fluxmlx", "9.9")
    ollama.server = ""
    assert find_server().probe() == Who("Ollama", "0.30.0")
    for reply in ((404, {"error": "?"}), (200, b"<html>"), (200, [1]), (200, {"version": 1})):
        ollama.replies["/api/version"] = reply
        assert find_server().probe() is None
    assert Client(Host("127.0.0.1", 1)).probe() is None


def test_a_server_with_a_key_is_found_without_it(ollama: Any, invoke: Any) -> None:
    """It is there; what is missing is the key, and the error says so instead of that nobody answers."""
    ollama.replies["/api/version"] = ollama.replies["/api/show"] = 401, {"error": "the key is missing"}
    assert find_server().probe() == Who("fluxmlx", "9.9")
    result = invoke("run", "tiny", "Hi")
    assert result.exit_code == 1 and "wants an API key: set FLUXMLX_API_KEY" in result.stderr


def test_a_probe_does_not_wait_for_one_who_says_nothing() -> None:
    """A port that takes connections and never answers counts as nobody."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert Client(Host("127.0.0.1", silent.getsockname()[1])).probe() is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidArgumentError), (404, ModelNotFoundError), (401, NoServerError), (501, CapabilityError),
     (503, QueueFullError), (500, EngineError), (418, EngineError)],
)  # fmt: skip
@pytest.mark.parametrize("body", [{"error": "why"}, {"error": {"message": "why"}}, b"why"])
def test_a_status_becomes_an_error_with_the_reason(
    ollama: Any, status: int, kind: type[FluxmlxError], body: Any
) -> None:
    """Of an answer that is read whole, and of one that is read by lines."""
    ollama.replies["/api/show"] = status, body
    with pytest.raises(kind, match="why"):
        find_server().post("/api/show", {})
    with pytest.raises(kind, match="why"):
        list(find_server().stream("/api/show", {}))


def test_a_line_may_be_an_error(ollama: Any) -> None:
    """After the first line an error comes as a line of its own."""
    ollama.replies["/api/chat"] = 200, b'{"done": false}\n{"error": "too bad"}\n'
    rows = find_server().stream("/api/chat", {})
    assert next(rows) == {"done": False}
    with pytest.raises(EngineError, match="too bad"):
        next(rows)


def test_a_broken_answer_is_told_from_a_whole_one(ollama: Any) -> None:
    """A connection that ends within a line is an error, not the end of the answer."""
    ollama.cut = 2
    with pytest.raises(EngineError, match="went away"):
        list(find_server().stream("/api/chat", {"model": "m", "messages": [1]}))


def test_what_is_not_json_is_no_server(ollama: Any) -> None:
    """Another program at that port is named as such."""
    ollama.replies["/api/ps"] = 200, b"<html>Hello</html>\n"
    with pytest.raises(NoServerError, match="does not speak Ollama's protocol"):
        find_server().get("/api/ps")


def test_leaving_an_answer_closes_the_connection(ollama: Any) -> None:
    """A reader that closes the stream is gone for the server, too."""
    ollama.words, ollama.pause = ("word " * 2000,) * 200, 0.005
    rows = find_server().stream("/api/chat", {"model": "m", "messages": [1]})
    next(rows)
    rows.close()
    assert ollama.left.wait(10)


def test_the_key_is_shown(ollama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """FLUXMLX_API_KEY goes with every request."""
    monkeypatch.setenv("FLUXMLX_API_KEY", "secret")
    find_server().get("/api/ps")
    assert ollama.headers[-1]["authorization"] == "Bearer secret"
