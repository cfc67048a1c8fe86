"""What brings models here: /api/pull, /api/create and the blobs that it takes; and /api/push, which is not there."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from fluxmlx import hub
from fluxmlx.errors import CapabilityError, DownloadError, InvalidArgumentError
from fluxmlx.hub.manifest import DIGEST
from fluxmlx.server.admin import require_admin
from fluxmlx.server.context import Server
from fluxmlx.server.errors import RequestError, plain_error_body
from fluxmlx.server.names import model_key, source_of
from fluxmlx.server.ollama.schemas import CreateRequest, PullRequest
from fluxmlx.server.outputs import Collected, pour
from fluxmlx.server.streams import NDJSON, JsonResponse, StreamResponse, unless_gone

if TYPE_CHECKING:
    from fluxmlx.hub import PullRecord, Recipe
    from fluxmlx.server.pool import ModelPool

__all__ = ["router"]

router = APIRouter(tags=["ollama"])
ADMIN = [Depends(require_admin)]
# Of models that this engine does not run, and of clients older than Ollama 0.5.5.
_UNSUPPORTED = (
    "draft_files",
    "draft_quantize",
    "renderer",
    "parser",
    "requires",
    "info",
    "modelfile",
    "path",
)
_AHEAD = 64  # pieces of a blob between the connection and the disk


@router.post("/api/pull", dependencies=ADMIN)
async def pull(body: PullRequest, request: Request) -> Response:
    """Downloads a model; a client that goes away stops it, and the next pull goes on from there.

    Requests that come afterwards have the model that came, where it is another than the loaded one.
    """
    _require_name(body.model)
    return await _steps(lambda: hub.pull(body.model, insecure=body.insecure), body.stream, request)


@router.post("/api/push", dependencies=ADMIN)
async def push(body: PullRequest) -> Response:
    """Not there: this server sends no models anywhere."""
    raise CapabilityError(f"push is not supported: this server cannot send {body.model!r} to a registry")


@router.post("/api/create", dependencies=ADMIN)
async def create(body: CreateRequest, request: Request, server: Server) -> Response:
    """Makes a model from another one, or from a blob that was sent before."""
    _require_name(body.model)
    recipe = _recipe(body, server.pool)

    def steps() -> Iterator[PullRecord]:
        yield from hub.create(body.model, recipe)

    return await _steps(steps, body.stream, request, then=lambda: server.pool.unload(body.model))


@router.head("/api/blobs/{digest}", dependencies=ADMIN)
async def has_blob(digest: str) -> Response:
    """Whether the store has these bytes."""
    return Response(status_code=200 if await asyncio.to_thread(hub.has_blob, digest) else 404)


@router.post("/api/blobs/{digest}", dependencies=ADMIN, status_code=201)
async def add_blob(digest: str, request: Request) -> Response:
    """Keeps the body under its digest."""
    if not DIGEST.fullmatch(digest):
        raise InvalidArgumentError(f"{digest[:80]!r} is no digest; expected sha256:<64 hex digits>")
    if await asyncio.to_thread(hub.has_blob, digest):
        return Response(status_code=200)
    declared = request.headers.get("content-length", "0")
    pieces: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
    size = int(declared) if declared.isdigit() else 0
    work = asyncio.create_task(asyncio.to_thread(hub.add_blob, digest, _until_none(pieces), size=size))
    try:
        async for piece in request.stream():
            await _put(pieces, piece, work)
        await _put(pieces, None, work)
        await work
    except DownloadError as error:
        raise RequestError(400, str(error), code="digest_mismatch") from None
    finally:
        if not work.done():
            await _abandon(pieces, work)
    return Response(status_code=201)


class _Abandoned(Exception):
    """The client went away while it sent a blob."""


def _until_none(pieces: queue.Queue[bytes | None]) -> Iterator[bytes]:
    while (piece := pieces.get()) is not None:
        if piece == b"":
            raise _Abandoned
        yield piece


async def _put(pieces: queue.Queue[bytes | None], piece: bytes | None, work: asyncio.Task[None]) -> None:
    """Waits for room without holding the loop; the writer may end early, with an error."""
    if piece == b"":
        return
    while not work.done():
        with contextlib.suppress(queue.Full):
            pieces.put_nowait(piece)
            return
        await asyncio.sleep(0.005)


async def _abandon(pieces: queue.Queue[bytes | None], work: asyncio.Task[None]) -> None:
    while not work.done():
        with contextlib.suppress(queue.Full):
            pieces.put_nowait(b"")
            break
        await asyncio.sleep(0.005)
    with contextlib.suppress(_Abandoned, DownloadError):
        await asyncio.shield(work)


def _require_name(name: str) -> None:
    if not name:
        raise InvalidArgumentError("model is required")
    model_key(name)


def _check_supported(body: CreateRequest) -> None:
    if body.adapters:
        raise CapabilityError("adapters are not supported yet; merge the adapter into the model first")
    if body.quantize:
        raise CapabilityError("quantize is not supported: create the model from a file of that type")
    for name in _UNSUPPORTED:
        if getattr(body, name):
            raise CapabilityError(f"{name} is not supported; leave it out")
    if any(row.images or row.tool_calls or row.thinking for row in body.messages):
        raise CapabilityError("messages of a model have a role and a content only")


def _recipe(body: CreateRequest, pool: ModelPool) -> Recipe:
    _check_supported(body)
    if not body.from_ and not body.files:
        raise InvalidArgumentError("neither 'from' or 'files' was specified")
    if len(body.files) > 1:
        raise CapabilityError(
            "files must be one GGUF file; split sets and safetensors are not supported here"
        )
    digest = next(iter(body.files.values()), None)
    if digest is not None and not DIGEST.fullmatch(digest):
        raise InvalidArgumentError(f"files has {digest[:80]!r}; expected sha256:<64 hex digits>")
    source = digest or source_of(pool.sources, body.from_)
    licences = [body.license] if isinstance(body.license, str) else body.license
    return hub.Recipe(
        from_=source, template=body.template, system=body.system, params=body.parameters, licences=licences,
        messages=[{"role": row.role, "content": row.content} for row in body.messages],
    )  # fmt: skip


async def _steps(
    start: Callable[[], Iterator[PullRecord]],
    stream: bool,
    request: Request,
    *,
    then: Callable[[], object] = lambda: None,
) -> Response:
    """The steps as a stream, or the last one of them; `then` is done after the last one."""
    objects = _in_thread(start, then)
    if stream:
        return StreamResponse(partial(pour, objects), NDJSON, error_body=plain_error_body)
    collected = Collected()
    await unless_gone(request, pour(objects, collected))
    return JsonResponse(collected.objects[-1])


async def _in_thread(
    start: Callable[[], Iterator[PullRecord]], then: Callable[[], object]
) -> AsyncGenerator[list[dict[str, Any]]]:
    """The steps as objects, one by one; each is waited for in a thread. Closing this closes the iterator."""
    steps = await asyncio.to_thread(start)
    running: asyncio.Future[Any] | None = None
    try:
        while True:
            running = asyncio.ensure_future(asyncio.to_thread(next, steps, None))
            record = await asyncio.shield(running)
            if record is None:
                then()
                return
            yield [record.as_json()]
    finally:
        if running is not None and not running.done():
            with contextlib.suppress(Exception):
                await asyncio.shield(running)
        if hasattr(steps, "close"):
            await asyncio.to_thread(steps.close)  # type: ignore[attr-defined]
