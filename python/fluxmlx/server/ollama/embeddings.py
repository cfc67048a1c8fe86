"""POST /api/embed, and /api/embeddings, its older form."""

from __future__ import annotations

from typing import Any, cast

from fastapi import APIRouter, Request

from fluxmlx.errors import CapabilityError, InvalidArgumentError
from fluxmlx.server import generation
from fluxmlx.server.admin import stay_of
from fluxmlx.server.clock import nanoseconds
from fluxmlx.server.context import Server, ServerContext
from fluxmlx.server.ollama.chunks import Timer
from fluxmlx.server.ollama.options import Options, read_options
from fluxmlx.server.ollama.prompts import context_of_request
from fluxmlx.server.ollama.schemas import EmbeddingsRequest, EmbedRequest
from fluxmlx.server.streams import unless_gone

__all__ = ["router"]

router = APIRouter(tags=["ollama"])
_MAX_INPUTS = 2048


@router.post("/api/embed")
async def embed(body: EmbedRequest, request: Request, server: Server) -> dict[str, Any]:
    """A vector of length 1 for each text."""
    _require_model(body.model)
    texts = _texts(body.input)
    stays = stay_of(request, body.keep_alive)
    return await unless_gone(request, _embed(body, texts, server, stays))


@router.post("/api/embeddings")
async def embeddings(body: EmbeddingsRequest, request: Request, server: Server) -> dict[str, Any]:
    """The vector of one text, as the model has it."""
    _require_model(body.model)
    return await unless_gone(request, _embed_one(body, server, stay_of(request, body.keep_alive)))


async def _embed(
    body: EmbedRequest, texts: list[str], server: ServerContext, stays: float | None
) -> dict[str, Any]:
    timer, options = Timer(), read_options(body.options)
    async with server.pool.lease(body.model, options.loading, stays) as engine:
        timer.loaded()
        prompts, n_cut = await _prompts(engine, texts, options, truncate=body.truncate)
        found = await _vectors(server, engine, prompts, normalize=True)
    vectors = [_shortened(one.vector, body.dimensions) for one in found]
    return {
        "model": body.model,
        "embeddings": vectors,
        "total_duration": nanoseconds(timer.total_s),
        "load_duration": nanoseconds(timer.load_s),
        "prompt_eval_count": sum(one.usage.prompt_tokens for one in found),
        **_cut(n_cut),
    }


async def _embed_one(body: EmbeddingsRequest, server: ServerContext, stays: float | None) -> dict[str, Any]:
    options = read_options(body.options)
    async with server.pool.lease(body.model, options.loading, stays) as engine:
        texts = [body.prompt] if body.prompt else []
        prompts, n_cut = await _prompts(engine, texts, options, truncate=True)
        found = await _vectors(server, engine, prompts, normalize=False)
    return {"embedding": found[0].vector.tolist() if found else [], **_cut(n_cut)}


def _cut(n_tokens: int) -> dict[str, int]:
    """What was left out of the texts; a field of ours."""
    return {"prompt_cut_count": n_tokens} if n_tokens else {}


async def _prompts(
    engine: Any, texts: list[str], options: Options, *, truncate: bool
) -> tuple[list[list[int]], int]:
    """The ids of the texts, the ends of those that are too long cut off, and how many were cut."""
    limit = context_of_request(engine, options)

    def tokenize() -> list[list[int]]:
        return [engine.tokenize(text) for text in texts]

    prompts = await generation.in_thread_if_long(sum(map(len, texts)), tokenize)
    n_cut = sum(max(len(ids) - limit, 0) for ids in prompts)
    if n_cut and not truncate:
        longest = max(map(len, prompts))
        raise InvalidArgumentError(
            f"the input length exceeds the context length: it has {longest} tokens, the context {limit}"
        )
    return [ids[:limit] for ids in prompts], n_cut


async def _vectors(
    server: ServerContext, engine: Any, prompts: list[list[int]], *, normalize: bool
) -> list[Any]:
    if not hasattr(engine, "aembed"):
        raise CapabilityError("this model does not support embeddings")
    generation.check_queue(server, engine)
    return await engine.aembed(prompts, normalize=normalize) if prompts else []


def _texts(value: Any) -> list[str]:
    rows = [value] if isinstance(value, str) else value
    if rows is None or (rows == [""] and isinstance(value, str)):
        return []
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in cast("list[Any]", rows)):
        raise InvalidArgumentError("invalid input type")
    found = cast("list[str]", rows)
    if len(found) > _MAX_INPUTS:
        raise InvalidArgumentError(f"input has {len(found)} texts; at most {_MAX_INPUTS} are taken at once")
    return found


def _shortened(vector: Any, dimensions: int) -> list[float]:
    """The first numbers of a vector, of length 1 again."""
    values: list[float] = vector.tolist()
    if not 0 < dimensions < len(values):
        return values
    values = values[:dimensions]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values] if length > 0 else values


def _require_model(name: str) -> None:
    if not name:
        raise InvalidArgumentError("model is required")
