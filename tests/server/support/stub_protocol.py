"""A protocol of two routes over the stub engine: a stream, and a whole answer."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from fluxmlx.server import generation
from fluxmlx.server.context import ServerContext, context_of
from fluxmlx.server.errors import plain_error_body
from fluxmlx.server.outputs import Output
from fluxmlx.server.protocols import Protocol
from fluxmlx.server.streams import NDJSON, SSE, StreamResponse, unless_gone

router = APIRouter()
PROTOCOL = Protocol("test", router, ("/stream", "/whole"), plain_error_body)


async def words(server: ServerContext, prompt: str, output: Output) -> None:
    async with server.pool.lease("a") as engine:
        generation.check_queue(server, engine)
        ids = engine.tokenize(prompt)
        await generation.feed(server, engine, ids, None, lambda one: [{"text": one.text}], output, model="a")


@router.post("/stream/{kind}")
async def stream(
    kind: str, server: Annotated[ServerContext, Depends(context_of)], prompt: str = "p"
) -> Response:
    form = {"nd": NDJSON, "sse": SSE}[kind]
    return StreamResponse(
        partial(words, server, prompt), form, error_body=plain_error_body, ping=server.settings.stream_ping
    )


@router.post("/whole")
async def whole(request: Request, server: Annotated[ServerContext, Depends(context_of)]) -> dict[str, str]:
    async with server.pool.lease("a") as engine:
        answer = await unless_gone(request, generation.whole(server, engine, [1], model="a"))
    return {"text": answer.text}
