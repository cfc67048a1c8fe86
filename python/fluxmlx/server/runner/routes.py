"""The routes of a runner: one model, prompts that the parent has made, lines of JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.server.context import ServerContext, context_of
from fluxmlx.server.errors import Failure
from fluxmlx.server.generation import check_queue, feed, in_thread_if_long
from fluxmlx.server.ollama.chunks import logprob_row
from fluxmlx.server.ollama.prompts import context_of_request, fitting
from fluxmlx.server.runner import facts
from fluxmlx.server.runner.dialects import Dialect, Lines, choose
from fluxmlx.server.runner.request import RunnerRequest, lowered, read_request
from fluxmlx.server.streams import StreamForm, StreamResponse, to_json

if TYPE_CHECKING:
    from fluxmlx.engine import Engine
    from fluxmlx.results import Event
    from fluxmlx.server.outputs import Output

__all__ = ["error_body", "make_router"]

Server = Annotated[ServerContext, Depends(context_of)]
Fields = Annotated[dict[str, Any], Body()]
_COMMIT, _CLOSE = 2, 3  # what Ollama's /load asks for; with 0 and 1, only what memory would be needed

_LINES = StreamForm("application/json", lambda value: to_json(value) + b"\n")
_JSONL = StreamForm("application/jsonl", lambda value: to_json(value) + b"\n")


def error_body(failure: Failure) -> str:
    """Parents show the body as it is."""
    return failure.message


def make_router(model: str, set_to: Dialect | None) -> APIRouter:
    """The routes.

    Args:
        model: the only one; a name that the pool knows.
        set_to: the dialect; None for what each request shows.
    """
    router = APIRouter(tags=["runner"])

    def dialect_of(request: Request, fields: dict[str, Any], *, is_mlx: bool = False) -> Dialect:
        return choose(set_to, fields, request.headers.get("user-agent", ""), is_mlx=is_mlx)

    def lines(server: ServerContext, request: Request, fields: dict[str, Any], dialect: Dialect) -> Response:
        from_go = request.headers.get("user-agent", "").startswith("Go-http-client")
        asked = read_request(fields, from_go=from_go)
        form = _JSONL if dialect == "mlx" else _LINES
        return StreamResponse(
            lambda output: _answer(server, model, asked, dialect, output), form, error_body=error_body
        )

    @router.post("/completion")
    async def completion(fields: Fields, request: Request, server: Server) -> Response:
        """Continues a prompt, line by line."""
        dialect = dialect_of(request, fields)
        if dialect == "mlx":
            return RedirectResponse("/v1/completions", 308)
        return lines(server, request, fields, dialect)

    @router.post("/v1/completions")
    async def mlx_completion(fields: Fields, request: Request, server: Server) -> Response:
        """The same for Ollama's runner of MLX."""
        return lines(server, request, fields, dialect_of(request, fields, is_mlx=True))

    @router.post("/load")
    async def load(fields: Fields, request: Request, server: Server) -> dict[str, Any]:
        """Loads the model, or lets it go."""
        return await _load(
            server,
            model,
            lowered(fields),
            dialect_of(request, {"Prompt": 0} if "Operation" in fields else {}),
        )

    @router.post("/embedding")
    async def embedding(fields: Fields, server: Server) -> dict[str, Any]:
        """The vector of a text, not of length 1."""
        return {"embedding": await _embedding(server, model, lowered(fields))}

    @router.post("/v1/tokenize")
    async def tokenize(request: Request, server: Server) -> list[int]:
        """Token ids of a body of plain text."""
        text = (await request.body()).decode("utf-8", "replace")
        async with server.pool.lease(model) as engine:
            return await in_thread_if_long(len(text), lambda: engine.tokenize(text, parse_special=True))

    _add_facts(router, model, dialect_of)
    return router


def _add_facts(router: APIRouter, model: str, dialect_of: Callable[..., Dialect]) -> None:
    @router.get("/health")
    async def health(request: Request, server: Server) -> dict[str, Any]:
        """How far the model is."""
        return facts.health(server, model, dialect_of(request, {}))

    @router.get("/info")
    async def info(request: Request) -> Any:
        """The devices."""
        return facts.plain_device() if dialect_of(request, {}) == "plain" else facts.devices()

    @router.get("/v1/status")
    async def status(server: Server) -> dict[str, Any]:
        """How far the model is, for Ollama's runner of MLX."""
        return facts.status(server, model)


async def _answer(
    server: ServerContext, model: str, asked: RunnerRequest, dialect: Dialect, output: Output
) -> None:
    async with server.pool.lease(model) as engine:
        check_queue(server, engine)
        ids = await in_thread_if_long(len(asked.prompt), lambda: _ids(engine, asked))
        params = asked.options.params(engine, logprobs=asked.logprobs)
        written = Lines(dialect, len(ids))

        def lines(event: Event) -> list[dict[str, Any]]:
            return written.event(event, _logprobs(engine, event))

        await feed(server, engine, ids, params, lines, output, model=model)


def _logprobs(engine: Engine, event: Event) -> list[dict[str, Any]]:
    return [] if event.logprobs is None else [logprob_row(engine, event.logprobs, event.bytes)]


def _ids(engine: Engine, asked: RunnerRequest) -> list[int]:
    """The prompt's tokens, and one for the beginning where the prompt has not written it."""
    ids = engine.tokenize(asked.prompt, parse_special=True)
    if len(ids) > 1 and ids[0] == ids[1] == engine.tokenizer.bos_id:
        ids = ids[1:]
    if not ids:
        raise InvalidArgumentError("the prompt is empty")
    limit = context_of_request(engine, asked.options)
    return fitting(ids, limit, asked.options.num_keep, asked.truncate).ids


async def _load(
    server: ServerContext, model: str, fields: dict[str, Any], dialect: Dialect
) -> dict[str, Any]:
    operation = fields.get("operation", _COMMIT)
    if operation == _CLOSE:
        server.pool.unload(model)
    elif operation == _COMMIT:
        options = {"ctx": fields.get("kvsize"), "threads": fields.get("numthreads")}
        wanted = {name: value for name, value in options.items() if isinstance(value, int) and value > 0}
        async with server.pool.lease(model, wanted):
            pass
    if dialect == "plain":
        return {"status": "loaded" if operation != _CLOSE else "unloaded", "model": model, "parameters": {}}
    return {"Success": True, "Memory": facts.memory(server.pool.find(model))}


async def _embedding(server: ServerContext, model: str, fields: dict[str, Any]) -> list[float]:
    text = fields.get("content")
    if not isinstance(text, str) or not text:
        raise InvalidArgumentError("content must be a text that is not empty")
    async with server.pool.lease(model) as engine:
        found = await engine.aembed(text, normalize=False)
        vector: list[float] = found.vector.tolist()
        return vector
