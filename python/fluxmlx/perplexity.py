"""Perplexity of a text, as `llama-perplexity` defines it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluxmlx._checks import INT32_MAX, integer
from fluxmlx.errors import InvalidArgumentError
from fluxmlx.results import Completion, Perplexity

if TYPE_CHECKING:
    from fluxmlx.tokenizer import Tokenizer

__all__ = ["USUAL_CTX", "Windows", "perplexity_of", "windows_of"]

USUAL_CTX = 512


@dataclass(frozen=True, slots=True)
class Windows:
    """Parts of a text that are read on their own.

    Attributes:
        prompts: token ids, of the same number each.
        n_counted: tokens at the end of each that count.
    """

    prompts: list[list[int]]
    n_counted: int


def windows_of(
    tokens: Sequence[int],
    tokenizer: Tokenizer,
    *,
    ctx: int | None,
    chunks: int | None,
    stride: int | None,
    longest: int,
) -> Windows:
    """Cuts the token ids of a text into windows; BOS takes the place of the first token of each, if the model adds it.

    Args:
        longest: positions that the engine has for one sequence.

    Raises:
        InvalidArgumentError: a number cannot be used, or the text is shorter than one window.
    """
    n = integer(3, longest)("ctx", min(USUAL_CTX, longest) if ctx is None else ctx) or 0
    integer(1, INT32_MAX)("chunks", 1 if chunks is None else chunks)
    integer(1, n - 1)("stride", 1 if stride is None else stride)
    if len(tokens) < n:
        raise InvalidArgumentError(f"the text has {len(tokens)} tokens; a window of ctx={n} needs as many")
    begins = list(range(0, len(tokens) - n + 1, stride or n))[:chunks]
    head = [tokenizer.bos_id] if tokenizer.add_bos and tokenizer.bos_id is not None else []
    prompts = [head + list(tokens[at + len(head) : at + n]) for at in begins]
    return Windows(prompts, stride or n - n // 2 - 1)


def perplexity_of(answers: Iterable[Completion], windows: Windows) -> Perplexity:
    """The figure, from the log-probabilities of the windows' tokens."""
    counted = [
        row.logprob for answer in answers for row in (answer.prompt_logprobs or ())[-windows.n_counted :]
    ]
    n = len(counted)
    mean = math.fsum(counted) / n
    variance = math.fsum((value - mean) ** 2 for value in counted) / n
    value = math.exp(-mean)
    return Perplexity(
        perplexity=value,
        uncertainty=value * math.sqrt(variance / (n - 1)) if n > 1 else math.inf,
        n_tokens=n,
        n_windows=len(windows.prompts),
        ctx=len(windows.prompts[0]),
    )
