"""From a request to token ids, cut where they are too many for the context."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fluxmlx import chat
from fluxmlx.chat.reasoning import can_think
from fluxmlx.errors import CapabilityError, InvalidArgumentError
from fluxmlx.hub import templates

if TYPE_CHECKING:
    from fluxmlx.server.ollama.options import Options
    from fluxmlx.server.ollama.schemas import ChatRequest, GenerateRequest, Message

__all__ = [
    "Prompt",
    "chat_prompt",
    "context_of_request",
    "fitting",
    "generate_prompt",
    "template_options",
    "thinks",
]

_KEY = "tokenizer.chat_template"
_FIELD = re.compile(r"\{\{(-?)\s*\.(\w+)\s*(-?)\}\}")
_FIELDS = ("Prompt", "System", "Response")
_LEVELS = ("low", "medium", "high", "max")
_ROOM = 4  # a cut leaves a quarter of the context to the answer


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids, and how much was left out to make them fit."""

    ids: list[int]
    cut_tokens: int = 0
    cut_messages: int = 0


def context_of_request(engine: Any, options: Options) -> int:
    """Positions that the request may use: num_ctx, but never more than were loaded."""
    n_ctx: int = engine.capabilities.n_ctx
    return min(options.loading.get("ctx", n_ctx), n_ctx)


def thinks(engine: Any) -> bool:
    """Whether the model's template is of one that thinks."""
    return bool(engine.has_chat_template) and can_think(engine.chat_template.source)


def template_options(engine: Any, think: bool | str | None, model: str) -> dict[str, Any]:
    """What the template is told of `think`.

    Raises:
        InvalidArgumentError: it is no level. CapabilityError: thinking is asked for, and the model cannot.
    """
    if isinstance(think, str) and think not in _LEVELS:
        raise InvalidArgumentError(f"think is {think[:40]!r}; expected true, false, {', '.join(_LEVELS)}")
    if think and not thinks(engine):
        raise CapabilityError(f'"{model}" does not support thinking')
    if not thinks(engine):
        return {}
    if think is None:  # a model that can think does
        return {"enable_thinking": True}
    level = {"reasoning_effort": think} if isinstance(think, str) else {}
    return {"enable_thinking": bool(think), "thinking": bool(think), **level}


def generate_prompt(engine: Any, request: GenerateRequest, options: Options) -> Prompt:
    """The ids of a prompt: as it is, by the model's template, or by the request's own."""
    if request.raw:
        ids = engine.tokenize(request.prompt, parse_special=True)
    else:
        ids = [*_known(engine, request.context), *_templated(engine, request)]
    return fitting(ids, context_of_request(engine, options), options.num_keep, request.truncate)


def chat_prompt(engine: Any, request: ChatRequest, options: Options, variables: Mapping[str, Any]) -> Prompt:
    """The ids of a chat. Where it is too long its oldest messages go, but for the system's and the last one."""
    rows = [_message(row) for row in request.messages]
    limit = context_of_request(engine, options)
    ids = engine.chat_ids(rows, None, variables)
    if len(ids) < limit or not request.truncate:
        return fitting(ids, limit, options.num_keep, request.truncate)
    system, rest = (
        [row for row in rows if row["role"] == "system"],
        [row for row in rows if row["role"] != "system"],
    )

    def render(n_cut: int) -> list[int]:
        return engine.chat_ids([*system, *rest[n_cut:]], None, variables)

    n_cut = _fewest(len(rest) - 1, lambda n: len(render(n)) <= limit - limit // _ROOM)
    kept = render(n_cut)
    prompt = fitting(kept, limit, options.num_keep, truncate=True)
    return Prompt(prompt.ids, len(ids) - len(prompt.ids), n_cut)


def _fewest(most: int, fits: Callable[[int], bool]) -> int:
    """The smallest number that fits, where every larger one does; `most` where none does."""
    low, high = 0, max(most, 0)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low


def fitting(ids: list[int], limit: int, num_keep: int, truncate: bool) -> Prompt:
    """The ids with their middle cut out where they leave no place for an answer."""
    if len(ids) < limit:
        return Prompt(ids)
    if not truncate:
        raise InvalidArgumentError(
            f"the input length exceeds the context length: the prompt has {len(ids)} tokens, the context {limit}"
        )
    place = max(limit - max(limit // _ROOM, 1), 1)
    keep = min(num_keep, place // 2)
    return Prompt([*ids[:keep], *ids[len(ids) - (place - keep) :]], len(ids) - place)


def _known(engine: Any, ids: list[int]) -> list[int]:
    """Ids that a client sends, checked."""
    n_vocab = engine.tokenizer.n_vocab
    for index, token in enumerate(ids):
        if not 0 <= token < n_vocab:
            raise InvalidArgumentError(f"context[{index}] is no token; expected ids from 0 to {n_vocab - 1}")
    return ids


def _templated(engine: Any, request: GenerateRequest) -> list[int]:
    rows = [{"role": "system", "content": request.system}] if request.system else []
    rows.append({"role": "user", "content": request.prompt})
    variables = template_options(engine, request.think, request.model)
    if request.template:
        return _own_template(engine, request, rows, variables)
    if engine.has_chat_template:
        return engine.chat_ids(rows, None, variables)
    return engine.tokenize("\n\n".join(row["content"] for row in rows))


def _own_template(
    engine: Any, request: GenerateRequest, rows: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]
) -> list[int]:
    """By the request's template: Jinja, one of Go's that only puts fields together, or one of a known family."""
    if source := _of_fields(request.template):
        fields: dict[str, Any] = {
            "prompt_field": request.prompt,
            "system_field": request.system,
            "response_field": "",
        }
        same = chat.ChatTemplate(source, bos_token="", eos_token="")
        return chat.apply(engine.tokenizer, same, rows, **fields)
    found, problem = templates.choose({}, request.template)
    if problem:
        raise CapabilityError(problem)
    template = chat.from_gguf(found, engine.tokenizer)
    return chat.apply(engine.tokenizer, template, rows, **variables)


def _of_fields(template: str) -> str | None:
    """Jinja of a Go template that has nothing but fields in it, so that control tokens are the template's alone."""
    rest, names = _FIELD.sub("", template), {match[2] for match in _FIELD.finditer(template)}
    if any(mark in rest for mark in ("{{", "{%", "{#")) or not names <= set(_FIELDS):
        return None
    source = _FIELD.sub(lambda found: f"{{{{{found[1]} {found[2].lower()}_field {found[3]}}}}}", template)
    return source + "\n" if source.endswith("\n") else source  # Jinja drops one


def _message(row: Message) -> dict[str, Any]:
    """The message as templates know it."""
    found: dict[str, Any] = {"role": row.role.lower(), "content": row.content}
    if row.tool_calls:
        found["tool_calls"] = row.tool_calls
    if row.thinking:
        found["reasoning_content"] = row.thinking
    if row.tool_name:
        found["name"] = row.tool_name
    if row.tool_call_id:
        found["tool_call_id"] = row.tool_call_id
    return found
