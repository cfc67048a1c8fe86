"""What every request passes: hosts, origins, keys, heads, bodies, and errors in the protocol's shape."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from fluxmlx.errors import CapabilityError, ModelNotFoundError, OutOfMemoryError, QueueFullError
from fluxmlx.server.errors import openai_error_body
from fluxmlx.server.protocols import Protocol

Open = Callable[..., httpx.AsyncClient]
router = APIRouter()
PROTOCOL = Protocol("test", router, ("/v1/",), openai_error_body, raw=("/v1/raw",))
ERRORS = {
    "missing": ModelNotFoundError("model 'x' not found"),
    "full": QueueFullError("full"),
    "capability": CapabilityError("no images"),
    "memory": OutOfMemoryError("needs 2, has 1"),
    "bug": ZeroDivisionError("/home/secret"),
}


class Item(BaseModel):
    size: int = 0
    name: str = ""


@router.post("/v1/item")
async def item(item: Item) -> Item:
    return item


@router.post("/v1/error/{kind}")
async def error(kind: str) -> None:
    raise ERRORS[kind]


def call(
    open_client: Open, method: str, path: str, settings: dict[str, Any] | None = None, **request: Any
) -> Any:
    async def main() -> httpx.Response:
        async with open_client(protocols=[PROTOCOL], **(settings or {})) as client:
            return await client.request(method, path, **request)

    return asyncio.run(main())


def test_a_request_has_an_id(open_client: Open) -> None:
    """The client's own id comes back; where it has none, or none that a log should have, one is made."""
    assert (
        call(open_client, "GET", "/health", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"]
        == "mine-1"
    )
    made = call(open_client, "GET", "/health", headers={"X-Request-Id": "a b"}).headers["x-request-id"]
    assert len(made) == 32


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:11434", "x.localhost", "10.1.2.3"]
)
def test_own_hosts(open_client: Open, host: str) -> None:
    """Names and numbers of this machine pass."""
    assert call(open_client, "GET", "/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.com", "localhost.evil.com", "127.0.0.1.evil.com", "", "a:b:c"])
def test_foreign_hosts(open_client: Open, host: str) -> None:
    """A name that somebody bent to this address is refused; a setting adds names."""
    assert call(open_client, "GET", "/health", headers={"Host": host}).status_code == 403
    if host == "evil.com":
        settings = {"allowed_hosts": ("evil.com",)}
        assert call(open_client, "GET", "/health", settings, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.com", "http://localhost.evil.com", "null", "http://localhost:3000"]
)
def test_pages_of_others(open_client: Open, origin: str) -> None:
    """Without a setting, no page may read an answer or change anything."""
    read = call(open_client, "GET", "/health", headers={"Origin": origin})
    assert "access-control-allow-origin" not in read.headers
    assert call(open_client, "POST", "/v1/item", json={}, headers={"Origin": origin}).status_code == 403


def test_pages_that_are_allowed(open_client: Open) -> None:
    """An origin is compared whole; only a port may be left open."""
    settings = {"origins": ("http://localhost:*", "https://app.example")}
    for origin, right in [("http://localhost:3000", True), ("https://app.example", True),
                          ("https://app.example.evil.com", False), ("http://localhost.evil.com", False)]:  # fmt: skip
        found = call(open_client, "POST", "/v1/item", settings, json={}, headers={"Origin": origin})
        assert (found.status_code == 200) == right
        assert (found.headers.get("access-control-allow-origin") == origin) == right


def test_the_key(open_client: Open) -> None:
    """Without it 401 in the protocol's shape, with it 200; probes need none."""
    settings = {"api_key": "s3cret"}
    refused = call(open_client, "POST", "/v1/item", settings, json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    for headers in ({"Authorization": "Bearer s3cret"}, {"x-api-key": "s3cret"}):
        assert call(open_client, "POST", "/v1/item", settings, json={}, headers=headers).status_code == 200
    for headers in (
        {"Authorization": "Bearer " + "x" * 20_000},
        {"x-api-key": "s3cre"},
        {"Authorization": "s3cret"},
    ):
        assert call(open_client, "POST", "/v1/item", settings, json={}, headers=headers).status_code == 401
    assert call(open_client, "GET", "/health", settings).status_code == 200


BAD_BODIES: dict[str, bytes] = {
    "open": b"{", "list": b"[]", "text": b'"x"', "nul": b'{"name":"a\0"}', "bom": b"\xef\xbb\xbf{}",
    "utf-16": "{}".encode("utf-16"), "surrogate": b'{"name":"\\ud800"}', "utf-8": b'{"name":"\xff"}',
    "huge number": b'{"size":1e400}', "twice": b'{"size":1,"size":2}', "comma": b'{"size":1,}', "nan": b'{"size":NaN}',
    "type": b'{"size":"x"}', "empty": b"", "deep": b'{"name":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "deeper": b"[" * 1_000_000, "digits": b'{"size":' + b"9" * 10_000 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bodies_that_are_no_json(open_client: Open, name: str) -> None:
    """Each is a 400 in the protocol's shape."""
    found = call(open_client, "POST", "/v1/item", content=BAD_BODIES[name])
    assert found.status_code == 400, found.text
    assert found.json()["error"]["type"] == "invalid_request_error"


def test_brackets_in_strings_are_not_depth(open_client: Open) -> None:
    """Text may have as many brackets as it likes, and escaped quotes."""
    name = '[{"' * 1000
    assert call(open_client, "POST", "/v1/item", json={"name": name}).json()["name"] == name


@pytest.mark.parametrize(
    ("kind", "origin", "status"),
    [
        ("application/json; charset=utf-8", None, 200), ("application/x-www-form-urlencoded", None, 200),
        ("application/x-www-form-urlencoded", "http://localhost:11434", 415), ("text/plain", None, 415),
        ("multipart/form-data", None, 415),
    ],
)  # fmt: skip
def test_types_of_bodies(open_client: Open, kind: str, origin: str | None, status: int) -> None:
    """JSON, and from a program what curl calls it; what a page could send without asking is refused."""
    headers = {"Content-Type": kind} | ({"Origin": origin} if origin else {})
    assert call(open_client, "POST", "/v1/item", content=b"{}", headers=headers).status_code == status


def test_too_much(open_client: Open) -> None:
    """Large bodies, with their length and without, many headers, long addresses."""

    async def pieces() -> Any:
        for _ in range(100):
            yield b" " * 100

    settings = {"max_body": 1000}
    assert call(open_client, "POST", "/v1/item", settings, content=b" " * 1001).status_code == 413
    assert call(open_client, "POST", "/v1/item", settings, content=pieces()).status_code == 413
    assert call(open_client, "GET", "/health", headers=[("X-A", "1")] * 200).status_code == 431
    assert call(open_client, "GET", "/health", headers={"X-A": "1" * 40_000}).status_code == 431
    assert call(open_client, "GET", "/health?" + "a" * 10_000).status_code == 414


def test_a_body_that_stops_coming(open_client: Open) -> None:
    """408 after body_timeout."""

    async def pieces() -> Any:
        yield b"{"
        await asyncio.sleep(5)

    assert call(open_client, "POST", "/v1/item", {"body_timeout": 0.05}, content=pieces()).status_code == 408


def test_a_body_that_trickles(open_client: Open) -> None:
    """No pause is too long, and still it is 408: a connection cannot be held by a byte now and then."""

    async def pieces() -> Any:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    began = time.monotonic()
    assert call(open_client, "POST", "/v1/item", {"body_timeout": 0.3}, content=pieces()).status_code == 408
    assert 0.2 < time.monotonic() - began < 3


def test_a_body_that_comes_steadily(open_client: Open) -> None:
    """It may take longer than body_timeout, where the bytes are many."""

    async def pieces() -> Any:
        yield b"{}"
        for _ in range(10):
            await asyncio.sleep(0.02)
            yield b" " * 1024

    assert call(open_client, "POST", "/v1/item", {"body_timeout": 0.15}, content=pieces()).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("missing", 404, "model_not_found"), ("full", 503, "queue_full"), ("capability", 400, "not_supported"),
     ("memory", 503, "out_of_memory"), ("bug", 500, None)],
)  # fmt: skip
def test_errors_have_the_shape_of_their_protocol(
    open_client: Open, kind: str, status: int, code: str | None
) -> None:
    """One table of statuses; a bug says nothing of itself, a full queue when to come again."""
    found = call(open_client, "POST", f"/v1/error/{kind}")
    assert (found.status_code, found.json()["error"]["code"]) == (status, code)
    assert ("retry-after" in found.headers) == (status == 503)
    assert "secret" not in found.text


def test_wrong_routes(open_client: Open) -> None:
    """404 and 405 have a body, in Ollama's shape where no protocol owns the path."""
    assert "error" in call(open_client, "GET", "/nothing").json()
    assert call(open_client, "GET", "/v1/../../etc/passwd").status_code == 404
    assert call(open_client, "GET", "/v1/%00").json()["error"]["type"] == "not_found_error"
    assert call(open_client, "GET", "/v1/item").status_code == 405
