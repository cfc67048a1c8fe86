"""Where a connection may lead, and what is sent along."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fluxmlx import hub
from fluxmlx.errors import DownloadError
from fluxmlx.hub import transport
from fluxmlx.hub.transport import Source

MODEL = b"GGUF" + bytes(1000)
BLOB = "/blob"


@pytest.fixture
def other(registry: Any) -> Iterator[Any]:
    """A second server, on another port."""
    from fake_server import FakeServer

    server = FakeServer()
    yield server
    server.close()


def redirect(server: Any, path: str, target: str, status: int = 307) -> None:
    from fake_server import Answer

    server.always[path] = Answer(status, {"Location": target}, b"")


def read(source: Source) -> bytes:
    with transport.get(source) as reply:
        return reply.body.read()


def test_a_redirect_on_the_same_host_is_followed(registry: Any) -> None:
    """Relative and absolute addresses of the host itself lead on, ten times."""
    registry.files["/10"] = MODEL
    for hop in range(10):
        redirect(registry, f"/{hop}", f"/{hop + 1}" if hop % 2 else f"{registry.url}/{hop + 1}")
    assert read(Source(f"{registry.url}/0", trusted=True)) == MODEL


def test_the_eleventh_redirect_is_not(registry: Any) -> None:
    """A chain without end is an error after ten hops."""
    redirect(registry, "/loop", "/loop")
    with pytest.raises(DownloadError, match="redirects more than 10 times"):
        read(Source(f"{registry.url}/loop", trusted=True))
    assert registry.gets("/loop") == 11


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "ftp://x/y",
        "https://127.0.0.1:1/x",
        "gopher://x",
    ],
)
def test_a_redirect_out_of_the_network_is_refused(registry: Any, target: str) -> None:
    """Addresses without TLS, of other schemes or of private networks are not followed, whoever names them."""
    registry.add(MODEL)
    redirect(registry, registry.blob_path(MODEL), target)
    with pytest.raises(DownloadError, match=r"not an https address|cannot"):
        hub.resolve("tiny")


@pytest.mark.parametrize(
    "target",
    [
        "https://[::1",
        "https://a..b/",
        "https://" + "a" * 80 + ".com/",
        "https://h:99999/",
        "https://h:x/",
        "//[",
        "/\xfc",
        "/a b\x7f",
    ],
)
def test_a_redirect_to_what_is_no_address_is_refused(registry: Any, target: str) -> None:
    """Whatever a server writes as an address, the error is of the download, and comes at once."""
    redirect(registry, BLOB, target)
    with pytest.raises(DownloadError, match="is not an address"):
        read(Source(registry.url + BLOB, trusted=True))
    assert registry.gets(BLOB) == 1


def test_another_port_of_this_machine_is_refused(registry: Any, other: Any) -> None:
    """What is trusted is the host and port that somebody named, not its neighbours; nothing is sent there."""
    other.files[BLOB] = MODEL
    redirect(registry, BLOB, other.url + BLOB)
    with pytest.raises(DownloadError, match="not an https address"):
        read(Source(registry.url + BLOB, trusted=True))
    assert other.requests == []


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"]
)
def test_a_private_address_is_seen_after_the_name_is_resolved(peer: str) -> None:
    """The address that the connection really has decides, whatever its name looked like."""

    class Connection:
        host = "innocent.example"
        closed = False

        @property
        def sock(self) -> Any:
            return type("Socket", (), {"getpeername": lambda socket: (peer, 443)})()

        def close(self) -> None:
            self.closed = True

    connection: Any = Connection()
    with pytest.raises(DownloadError, match=r"'innocent\.example' is .*private network"):
        transport._check_peer(connection)
    assert connection.closed


def test_nothing_is_sent_to_a_private_address() -> None:
    """Also not the beginning of TLS: the connection is closed as soon as it is known where it leads."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with listener.accept()[0] as peer:
                got.append(peer.recv(100))

        thread = threading.Thread(target=accept)
        thread.start()
        with pytest.raises(
            DownloadError, match=r"'localhost' is 127\.0\.0\.1, an address of a private network"
        ):
            read(Source(f"https://localhost:{listener.getsockname()[1]}/x"))
        thread.join(10)
    assert got == [b""]


def test_headers_of_a_user_stay_on_their_host(
    registry: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token goes along on the host it is for, and never to another one that a redirect names."""
    monkeypatch.setattr(transport, "_is_allowed", lambda parts, trusted: True)
    monkeypatch.setattr(transport, "_check_peer", lambda connection: None)
    other.files[BLOB] = MODEL
    redirect(registry, "/first", "/second")
    redirect(registry, "/second", other.url + BLOB)
    source = Source(f"{registry.url}/first", {"Authorization": "Bearer secret"}, trusted=True)
    assert read(source) == MODEL
    assert [headers.get("authorization") for _, headers in registry.requests] == ["Bearer secret"] * 2
    assert [headers.get("authorization") for _, headers in other.requests] == [None]


def test_a_proxy_is_used_and_resolves_for_us(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With http_proxy the request goes to the proxy, with the whole address in it."""
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", registry.url)
    registry.files["http://registry.invalid/x"] = MODEL
    assert read(Source("http://registry.invalid/x", trusted=True)) == MODEL
