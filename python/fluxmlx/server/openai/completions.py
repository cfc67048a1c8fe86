"""POST /v1/completions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from fluxmlx.aio import together
from fluxmlx.results import Completion, TokenLogprobs
from fluxmlx.server.context import ServerContext
from fluxmlx.server.generation import feed, in_thread_if_long, wholes
from fluxmlx.server.openai.completion_answer import CompletionChunks, CompletionForm
from fluxmlx.server.openai.completion_request import CompletionRequest
from fluxmlx.server.openai.fields import SURFACE
from fluxmlx.server.openai.prompts import Asked, ask, within
from fluxmlx.server.openai.serving import Server, answer, leased, stay, streamed
from fluxmlx.server.outputs import put

if TYPE_CHECKING:
    from fluxmlx.engine import Engine
    from fluxmlx.sampling import SamplingParams
    from fluxmlx.server.outputs import Output

__all__ = ["router"]

router = APIRouter(tags=["openai"])


@router.post("/v1/completions")
async def completions(body: CompletionRequest, request: Request, server: Server) -> Response:
    """Continues a prompt, or several."""
    with_usage = body.with_usage()
    body.prompts()
    body.params(SURFACE)  # what is wrong is said before a model is loaded
    stays = stay(request, body.keep_alive)
    if body.stream:
        return streamed(server, lambda output: _write(server, body, stays, output, with_usage=with_usage))
    return await answer(request, _whole(server, body, stays))


@dataclass(frozen=True, slots=True)
class _Job:
    """One request, ready to run."""

    engine: Engine
    asked: Sequence[Asked]
    params: Sequence[SamplingParams]  # of each prompt
    form: CompletionForm

    @property
    def ids(self) -> list[tuple[int, ...]]:
        return [one.ids for one in self.asked]


async def _job(body: CompletionRequest, engine: Engine) -> _Job:
    prompts, n_ctx = body.prompts(), body.context(engine)
    add_special = body.add_special_tokens is not False

    def ask_all() -> list[Asked]:
        return [ask(engine, prompt, add_special=add_special, n_ctx=n_ctx) for prompt in prompts]

    asked = await in_thread_if_long(sum(map(len, prompts)), ask_all)
    form = CompletionForm(
        body.model, engine.tokenizer, n=body.choices(), echo=bool(body.echo), n_top=body.logprobs
    )
    params = body.params(engine.defaults_over(SURFACE))
    bounded = n_ctx < engine.capabilities.n_ctx
    each = [within(params, len(one.ids), n_ctx) if bounded else params for one in asked]
    return _Job(engine, asked, each, form)


async def _whole(server: ServerContext, body: CompletionRequest, stays: float | None) -> dict[str, Any]:
    async with leased(server, body.model, body.load_options(), stays) as engine:
        job = await _job(body, engine)
        answers = await wholes(server, engine, job.ids, job.params, model=body.model)
        return job.form.body(job.asked, answers)


async def _write(
    server: ServerContext, body: CompletionRequest, stays: float | None, output: Output, *, with_usage: bool
) -> None:
    async with leased(server, body.model, body.load_options(), stays) as engine:
        job = await _job(body, engine)
        rows = await _scored(server, body, job)
        chunks = CompletionChunks(
            job.form, job.asked, prompt_rows=rows, with_usage=with_usage, counts_on=body.counts_on()
        )
        await put(output, chunks.first())
        feeds = [
            feed(server, engine, ids, replace(params, prompt_logprobs=None), partial(chunks.event, at), output,
                 model=body.model)
            for at, (ids, params) in enumerate(zip(job.ids, job.params, strict=True))
        ]  # fmt: skip
        await together(feeds)
        await put(output, chunks.last())


async def _scored(server: ServerContext, body: CompletionRequest, job: _Job) -> list[Sequence[TokenLogprobs]]:
    """The log-probabilities of the prompts: a stream begins with them, and the engine tells them at the end."""
    if job.params[0].prompt_logprobs is None:
        return []
    params = [replace(one, max_tokens=0, min_tokens=0, n=1) for one in job.params]
    answers: list[Completion] = await wholes(server, job.engine, job.ids, params, model=body.model)
    return [one.prompt_logprobs or () for one in answers]
