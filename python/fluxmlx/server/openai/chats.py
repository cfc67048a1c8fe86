"""POST /v1/chat/completions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from fluxmlx.server.context import ServerContext
from fluxmlx.server.generation import feed, in_thread_if_long, whole
from fluxmlx.server.openai.chat_answer import ChatChunks, ChatForm
from fluxmlx.server.openai.chat_request import ChatRequest
from fluxmlx.server.openai.fields import SURFACE
from fluxmlx.server.openai.prompts import check_length, within
from fluxmlx.server.openai.serving import Server, answer, leased, stay, streamed
from fluxmlx.server.openai.thinking import opened_thoughts, template_variables
from fluxmlx.server.outputs import put

if TYPE_CHECKING:
    from fluxmlx.engine import Engine
    from fluxmlx.sampling import SamplingParams
    from fluxmlx.server.outputs import Output

__all__ = ["router"]

router = APIRouter(tags=["openai"])


@router.post("/v1/chat/completions")
async def chat_completions(body: ChatRequest, request: Request, server: Server) -> Response:
    """Answers a conversation."""
    with_usage = body.with_usage()
    body.conversation()
    body.params(SURFACE)  # what is wrong is said before a model is loaded
    template_variables(body, "")
    stays = stay(request, body.keep_alive)
    if body.stream:
        return streamed(server, lambda output: _write(server, body, stays, output, with_usage=with_usage))
    return await answer(request, _whole(server, body, stays))


@dataclass(frozen=True, slots=True)
class _Job:
    """One request, ready to run."""

    ids: Sequence[int]
    params: SamplingParams
    form: ChatForm


async def _job(body: ChatRequest, engine: Engine) -> _Job:
    template = engine.chat_template.source
    messages, variables = body.conversation(), template_variables(body, template)
    size = sum(len(json.dumps(message)) for message in messages)
    ids = await in_thread_if_long(size, lambda: engine.chat_ids(messages, None, variables))
    n_ctx, params = body.context(engine), body.params(engine.defaults_over(SURFACE))
    check_length(ids, n_ctx, param="messages")
    if n_ctx < engine.capabilities.n_ctx:
        params = within(params, len(ids), n_ctx)
    form = ChatForm(
        body.model,
        engine.tokenizer,
        n=body.choices(),
        with_logprobs=bool(body.logprobs),
        thinks=opened_thoughts(template, ids, engine.tokenizer),
    )
    return _Job(ids, params, form)


async def _whole(server: ServerContext, body: ChatRequest, stays: float | None) -> dict[str, Any]:
    async with leased(server, body.model, body.load_options(), stays) as engine:
        job = await _job(body, engine)
        return job.form.body(await whole(server, engine, job.ids, job.params, model=body.model))


async def _write(
    server: ServerContext, body: ChatRequest, stays: float | None, output: Output, *, with_usage: bool
) -> None:
    async with leased(server, body.model, body.load_options(), stays) as engine:
        job = await _job(body, engine)
        n_prompt = len(job.ids) if body.counts_on() else None
        chunks = ChatChunks(job.form, with_usage=with_usage, n_prompt=n_prompt)
        await feed(
            server, engine, job.ids, job.params, chunks.event, output, model=body.model, head=chunks.first()
        )
        await put(output, chunks.last())
