"""A real server on a free port: its start, its end, and clients that keep no rules."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from real_server import Server, read_all, serving
from stub_engine import StubLoader

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.server import ModelPool, ServerSettings, run_server
from fluxmlx.server.run import bind

POST = b"POST /stream/nd HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"


def start_stream(server: Server) -> socket.socket:
    """A connection on which the first words have come."""
    connection = server.connect()
    connection.sendall(POST)
    found = b""
    while b"word" not in found:
        found += connection.recv(4096)
    return connection


def test_a_taken_port_is_named() -> None:
    """The error says which address, and what to do."""
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InvalidArgumentError, match=f"{port}.*another"):
            bind("127.0.0.1", port)
    with pytest.raises(InvalidArgumentError, match="cannot listen"):
        bind("host.invalid", 0)


def test_sigterm_lets_streams_finish() -> None:
    """A stream that runs gets all its words, probes and new work get 503 meanwhile, and the exit code is 0."""
    with serving(words=150, pause=0.02) as server:
        stream = start_stream(server)
        idle = httpx.Client(base_url=server.url)
        assert idle.get("/ready").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        alive = httpx.get(server.url + "/health")
        assert alive.status_code == 200 and alive.headers["server"].startswith("fluxmlx/")
        assert idle.get("/ready").status_code == 503
        refused = httpx.post(server.url + "/stream/nd")
        assert refused.status_code == 503 and "retry-after" in refused.headers
        assert read_all(stream).count(b"word") >= 148
        assert server.wait() == 0


def test_sigterm_does_not_wait_for_ever() -> None:
    """After shutdown_timeout a stream ends with an error of its own shape, and the exit code is still 0."""
    with serving(words=100_000, pause=0.02, shutdown_timeout="200ms") as server:
        stream = start_stream(server)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5
        found = read_all(stream)
        assert b'{"error":"the engine was closed"}' in found and found.endswith(b"0\r\n\r\n")


def test_a_second_signal_leaves_at_once() -> None:
    """Whoever asks twice does not wait."""
    with serving(words=100_000, pause=0.02) as server, start_stream(server):
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert server.process.poll() is None
        began = time.monotonic()
        assert server.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 5
    assert not [line for line in server.lines if "Traceback" in line]


def test_a_second_signal_waits_for_no_thread() -> None:
    """A load that cannot be stopped does not keep the process."""
    with serving(load=60, deaf=1, model="a") as server:
        assert httpx.get(server.url + "/ready").status_code == 503
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.process.poll() is None
        assert server.stop() == 0


def test_a_signal_while_the_model_is_loaded() -> None:
    """The load is stopped, and the process ends within moments."""
    with serving(load=60, model="a") as server:
        assert httpx.get(server.url + "/ready").status_code == 503
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5


def test_a_slow_head_is_cut_off() -> None:
    """A client that sends its head byte by byte, and one that sends nothing, are closed after header_timeout."""
    with serving(header_timeout="300ms") as server, server.connect() as slow, server.connect() as silent:
        slow.sendall(b"GET /health HT")
        began = time.monotonic()
        assert read_all(slow) == b"" and read_all(silent) == b""
        assert 0.1 < time.monotonic() - began < 5


def test_a_reader_that_stops_is_cut_off() -> None:
    """What it does not read is bounded by its connection; its request is cancelled, and others go on."""
    with serving(words=1_000_000, size=10_000, write_timeout="500ms") as server, server.connect() as slow:
        slow.sendall(POST)
        assert wait_for(server, 'fluxmlx_engine_running{model="a:latest"} 1.0')
        assert wait_for(server, 'fluxmlx_engine_running{model="a:latest"} 0.0')
        assert 'fluxmlx_engine_cancelled{model="a:latest"} 1.0' in httpx.get(server.url + "/metrics").text


def test_a_connection_too_many() -> None:
    """Its requests get 503 and when to come again, with an id and in the protocol's shape; probes are answered, and who
    was there before goes on."""
    with serving(max_connections=2, words=30, pause=0.02) as server, start_stream(server) as stream:
        with server.connect():
            refused = httpx.post(server.url + "/stream/nd")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json() == {"error": "too many connections are open"}
            assert refused.headers["x-request-id"] and refused.headers["connection"] == "close"
            assert httpx.get(server.url + "/health").status_code == 200
            assert 'status="503"' in httpx.get(server.url + "/metrics").text
            found = b""
            while not found.endswith(b"0\r\n\r\n"):
                found += stream.recv(4096)
        assert found.count(b"word") >= 25
        stream.close()
        assert wait_for(server, 'fluxmlx_engine_running{model="a:latest"} 0.0')
        assert httpx.post(server.url + "/stream/nd").status_code == 200


def test_a_start_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a load raises ends the server, and is all that is said."""
    settings = ServerSettings(port=0)
    pool = ModelPool(settings, StubLoader(problem=ZeroDivisionError("in the loader")))
    with caplog.at_level("WARNING"), pytest.raises(ZeroDivisionError, match="in the loader"):
        run_server(settings, "a", pool=pool)
    assert not caplog.records


def test_an_upgrade_is_not_made(server: Server) -> None:
    """HTTP goes on, and the log gives no advice about packages."""
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert httpx.get(server.url + "/health", headers=headers).status_code == 200
    assert not [line for line in server.lines if "WebSocket" in line]


@pytest.mark.parametrize("version", ["9.9", "0.9"])
def test_another_http(server: Server, version: str) -> None:
    """What speaks another version is told so."""
    with server.connect() as connection:
        connection.sendall(f"GET /health HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
        assert read_all(connection).startswith(b"HTTP/1.1 505")


def test_uploads_that_wait_hold_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty clients who send a blob and stop half way: what else needs a thread is done at once."""
    monkeypatch.setenv("FLUXMLX_HOME", str(tmp_path))
    head = f"POST /api/blobs/sha256:{'a' * 64} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
    with serving("serve_empty.py") as server, contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(server.connect()).sendall(head.encode())
        time.sleep(0.3)
        assert httpx.get(server.url + "/api/tags", timeout=5).json() == {"models": []}


GARBAGE = {
    "not http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
    "long head": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "many headers": b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: 1\r\n" * 10_000 + b"\r\n",
    "two lengths": b"POST /stream/nd HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "negative": b"POST /stream/nd HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "smuggling": b"POST /stream/nd HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    "bad chunk": b"POST /stream/nd HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nx",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
}


@pytest.fixture(scope="module")
def server() -> object:
    with serving() as running:
        yield running


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused_and_closed(server: Server, name: str) -> None:
    """Bytes that are no good HTTP get a 4xx and the end of the connection; the server goes on."""
    with server.connect() as connection:
        try:
            connection.sendall(GARBAGE[name])
            connection.settimeout(5)
            found = read_all(connection)
        except ConnectionError:
            found = b"HTTP/1.1 4"  # closed before all of it was sent
    assert found.startswith(b"HTTP/1.1 4"), found[:200]
    assert httpx.get(server.url + "/health").status_code == 200


def wait_for(server: Server, line: str) -> bool:
    """Whether the metrics have the line within some seconds."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        if line in httpx.get(server.url + "/metrics").text:
            return True
        time.sleep(0.02)
    return False
