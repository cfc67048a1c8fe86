"""Prompts of a request as token ids, checked against the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fluxmlx.server.openai.errors import refused, too_long

if TYPE_CHECKING:
    from fluxmlx.engine import Engine
    from fluxmlx.sampling import SamplingParams

__all__ = ["Asked", "ask", "check_length", "within"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt.

    Attributes:
        ids: its tokens.
        text: what an echo of it shows.
        n_silent: tokens at its beginning that the model wanted and the text does not have.
        strips_space: the first token has a space that the text does not have.
    """

    ids: tuple[int, ...]
    text: str
    n_silent: int = 0
    strips_space: bool = False


def ask(
    engine: Engine,
    prompt: str | Sequence[int],
    *,
    add_special: bool = True,
    parse_special: bool = True,
    param: str = "prompt",
    n_ctx: int | None = None,
) -> Asked:
    """A raw prompt.

    Args:
        add_special: add the tokens that the model wants around a text.
        parse_special: control tokens that are written out become their ids: whoever sends raw prompts writes a
            model's own format, as with other servers of this protocol.
        param: the request's field.
        n_ctx: positions that the request may use; None for those of the engine.

    Raises:
        RequestError: it has more tokens than the context, or a token id is not in the vocabulary.
    """
    tokenizer = engine.tokenizer
    if isinstance(prompt, str):
        asked = _text(engine, prompt, add_special, parse_special, param)
    else:
        _check_ids(prompt, tokenizer.n_vocab, param)
        asked = Asked(tuple(prompt), tokenizer.decode(prompt, skip_special=False, continuation=True))
    check_length(asked.ids, engine.capabilities.n_ctx if n_ctx is None else n_ctx, param=param)
    return asked


def check_length(ids: Sequence[int], n_ctx: int, *, param: str) -> None:
    """Raises RequestError where a prompt is longer than the context."""
    if len(ids) > n_ctx:
        raise too_long(len(ids), n_ctx, param=param)


def within(params: SamplingParams, n_prompt: int, n_ctx: int) -> SamplingParams:
    """The options of a request whose answer ends where a context of its own does; as the engine would end it."""
    room = max(n_ctx - n_prompt, 1)
    if params.max_tokens is not None and params.max_tokens <= room:
        return params
    return replace(params, max_tokens=room, min_tokens=min(params.min_tokens, room))


def _text(engine: Engine, text: str, add_special: bool, parse_special: bool, param: str) -> Asked:
    tokenizer = engine.tokenizer
    ids = tokenizer.encode(text, add_special=add_special, parse_special=parse_special)
    if ids:
        began = add_special and tokenizer.add_bos and tokenizer.bos_id is not None
        return Asked(tuple(ids), text, int(began), tokenizer.first_piece_strips_space)
    # A prompt without tokens stands for the beginning of a text.
    first = tokenizer.bos_id if tokenizer.bos_id is not None else tokenizer.eos_id
    if first is None:
        raise refused("the prompt is empty, and the model has no token for a beginning", param=param)
    return Asked((first,), text, 1)


def _check_ids(ids: Sequence[int], n_vocab: int, param: str) -> None:
    for index, token in enumerate(ids):
        if not 0 <= token < n_vocab:
            raise refused(
                f"{param} has the token id {token} at {index}; expected 0 to {n_vocab - 1}", param=param
            )
    if not ids:
        raise refused("the prompt has no tokens; give at least one", param=param)
