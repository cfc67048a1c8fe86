"""A server in this process over a store of the test's own."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from fluxmlx.server import ModelPool, ServerSettings, create_app

__all__ = ["Work", "digest_of", "run", "send"]

Work = Callable[[httpx.AsyncClient], Awaitable[None]]


def run(work: Work, *, source: Path | None = None, **settings: Any) -> None:
    """Does the work; `source` is a file that the server knows as `tiny`."""

    async def main() -> None:
        whole = ServerSettings(**settings)
        pool = ModelPool(whole)
        if source:
            pool.add_source("tiny", str(source))
        transport = httpx.ASGITransport(create_app(whole, pool))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await work(client)
        await pool.close()

    asyncio.run(main())


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


async def send(client: httpx.AsyncClient, data: bytes, digest: str | None = None) -> httpx.Response:
    """Sends a blob."""
    return await client.post(f"/api/blobs/{digest or digest_of(data)}", content=data)
