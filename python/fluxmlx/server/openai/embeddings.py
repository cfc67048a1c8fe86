"""POST /v1/embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from fluxmlx.server.context import ServerContext
from fluxmlx.server.generation import in_thread_if_long
from fluxmlx.server.openai.embedding_request import EmbeddingRequest, embedding_body, shortened
from fluxmlx.server.openai.prompts import ask
from fluxmlx.server.openai.serving import Server, answer, leased, stay

if TYPE_CHECKING:
    from fluxmlx.server.openai.prompts import Asked

__all__ = ["router"]

router = APIRouter(tags=["openai"])


@router.post("/v1/embeddings")
async def embeddings(body: EmbeddingRequest, request: Request, server: Server) -> Response:
    """Vectors of texts, of length 1."""
    body.inputs()
    body.as_base64()
    return await answer(request, _whole(server, body, stay(request, body.keep_alive)))


async def _whole(server: ServerContext, body: EmbeddingRequest, stays: float | None) -> dict[str, Any]:
    inputs = body.inputs()
    async with leased(server, body.model, {}, stays) as engine:
        asked: list[Asked] = await in_thread_if_long(
            sum(map(len, inputs)),
            lambda: [ask(engine, one, parse_special=False, param="input") for one in inputs],
        )
        found = await engine.aembed([one.ids for one in asked])
        vectors = [shortened(one.vector.tolist(), body.dimensions) for one in found]
        n_tokens = sum(one.usage.prompt_tokens for one in found)
        return embedding_body(body.model, vectors, n_tokens, as_base64=body.as_base64())
