"""POST /api/generate and /api/chat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fluxmlx.chat.reasoning import Reasoning, is_open
from fluxmlx.errors import CapabilityError, InvalidArgumentError
from fluxmlx.sampling import SamplingParams
from fluxmlx.server import generation
from fluxmlx.server.admin import is_admin, stay_of
from fluxmlx.server.clock import rfc3339
from fluxmlx.server.context import Server, ServerContext
from fluxmlx.server.durations import keep_alive
from fluxmlx.server.errors import plain_error_body
from fluxmlx.server.ollama.chunks import (
    Chunks,
    Shape,
    Timer,
    as_chat,
    as_generate,
    done_without_answer,
    joined,
)
from fluxmlx.server.ollama.options import Options, read_logprobs, read_options
from fluxmlx.server.ollama.prompts import (
    Prompt,
    chat_prompt,
    context_of_request,
    generate_prompt,
    template_options,
    thinks,
)
from fluxmlx.server.ollama.schemas import AnswerRequest, ChatRequest, GenerateRequest
from fluxmlx.server.outputs import Collected, Output, put
from fluxmlx.server.streams import NDJSON, JsonResponse, StreamResponse, unless_gone

__all__ = ["router"]

router = APIRouter(tags=["ollama"])
MakePrompt = Callable[[Any, Options], Prompt]


@router.post("/api/generate")
async def generate(body: GenerateRequest, request: Request, server: Server) -> Response:
    """Goes on from a prompt; without one, loads or unloads the model."""
    _check(body)
    if body.raw and (body.template or body.system or body.context):
        raise InvalidArgumentError("raw mode does not support template, system, or context")
    if body.images:
        raise CapabilityError(f'"{body.model}" does not support images')
    if body.suffix:
        raise CapabilityError(f'"{body.model}" does not support insert')
    if not body.prompt:
        return await _load_or_unload(body, request, server, as_generate)

    def make(engine: Any, options: Options) -> Prompt:
        return generate_prompt(engine, body, options)

    size = len(body.prompt) + len(body.system)
    return await _answer(body, request, server, as_generate, make, size, with_context=not body.raw)


@router.post("/api/chat")
async def chat(body: ChatRequest, request: Request, server: Server) -> Response:
    """Answers a conversation; without messages, loads or unloads the model."""
    _check(body)
    if not body.model:
        raise InvalidArgumentError("model is required")
    if body.tools:
        raise CapabilityError(f'"{body.model}" does not support tools')
    if any(row.images for row in body.messages):
        raise CapabilityError(f'"{body.model}" does not support images')
    if not body.messages:
        return await _load_or_unload(body, request, server, as_chat)

    def make(engine: Any, options: Options) -> Prompt:
        return chat_prompt(engine, body, options, template_options(engine, body.think, body.model))

    size = sum(len(row.content) for row in body.messages)
    return await _answer(body, request, server, as_chat, make, size, with_context=False)


def _check(body: AnswerRequest) -> None:
    if body.format not in ("", "json") and not isinstance(body.format, dict):
        raise InvalidArgumentError(
            f'invalid format: "{body.format[:80]}"; expected "json" or a valid JSON Schema object'
        )
    if body.format != "":
        raise CapabilityError(
            f'"{body.model}" does not support format: answers cannot be held to a grammar yet'
        )
    read_logprobs(body.logprobs, body.top_logprobs)
    read_options(body.options)


async def _load_or_unload(
    body: AnswerRequest, request: Request, server: ServerContext, shape: Shape
) -> Response:
    if body.keep_alive is not None and keep_alive("keep_alive", body.keep_alive) == 0:
        if not is_admin(request):
            raise CapabilityError("models cannot be unloaded over this address; the setting admin allows it")
        await server.pool.check(body.model)
        server.pool.unload(body.model)
        return JsonResponse(done_without_answer(body.model, shape, "unload"))

    stays = stay_of(request, body.keep_alive)

    async def load() -> None:
        async with server.pool.lease(body.model, read_options(body.options).loading, stays):
            pass

    await unless_gone(request, load())
    return JsonResponse(done_without_answer(body.model, shape, "load"))


async def _answer(
    body: AnswerRequest,
    request: Request,
    server: ServerContext,
    shape: Shape,
    make: MakePrompt,
    size: int,
    *,
    with_context: bool,
) -> Response:
    stays = stay_of(request, body.keep_alive)

    def work(output: Output) -> Awaitable[None]:
        return _write(body, server, shape, make, size, stays, output, with_context=with_context)

    if body.stream:
        return StreamResponse(work, NDJSON, error_body=plain_error_body)
    collected = Collected()
    await unless_gone(request, work(collected))
    return JsonResponse(joined(collected.objects))


async def _write(
    body: AnswerRequest,
    server: ServerContext,
    shape: Shape,
    make: MakePrompt,
    size: int,
    stays: float | None,
    output: Output,
    *,
    with_context: bool,
) -> None:
    timer, options, raw = Timer(), read_options(body.options), getattr(body, "raw", False)
    async with server.pool.lease(body.model, options.loading, stays) as engine:
        timer.loaded()
        generation.check_queue(server, engine)
        params = options.params(engine, logprobs=read_logprobs(body.logprobs, body.top_logprobs))
        prompt = await generation.in_thread_if_long(size, lambda: make(engine, options))
        if body.debug_render_only:
            info = {"rendered_template": _rendered(engine, prompt)}
            await put(output, [{"model": body.model, "created_at": rfc3339(), "_debug_info": info}])
            return
        reasoning = None if raw or not thinks(engine) else Reasoning(is_open=is_open(_end(engine, prompt)))
        params = _within(params, context_of_request(engine, options) - len(prompt.ids))
        chunks = Chunks(body.model, shape, engine, prompt, timer, reasoning, with_context)
        await generation.feed(server, engine, prompt.ids, params, chunks.event, output, model=body.model)


def _within(params: SamplingParams, room: int) -> SamplingParams:
    """An answer ends where the request's context does."""
    most = room if params.max_tokens is None else min(params.max_tokens, room)
    return SamplingParams.from_options({"max_tokens": max(most, 1)}, base=params)


def _end(engine: Any, prompt: Prompt) -> str:
    return engine.detokenize(prompt.ids[-8:], skip_special=False)


def _rendered(engine: Any, prompt: Prompt) -> str:
    return engine.detokenize(prompt.ids, skip_special=False)
