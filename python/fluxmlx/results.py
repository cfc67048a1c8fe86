"""What an engine gives back. Plain values; nothing here refers to the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Completion", "Embedding", "Event", "Perplexity", "Score", "Timings", "TokenLogprobs", "Usage"]


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """The log-probability (natural logarithm) of one token, and of the most likely ones at its place.

    Attributes:
        token: its id.
        logprob: by the model's own distribution, before bias, penalties, temperature and truncation.
        top: (token id, log-probability), best first; empty unless asked for.
    """

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request. Two are equal where prompt and answer are, however the answer was computed.

    Attributes:
        prompt_tokens: of the prompt.
        completion_tokens: of the answer.
        drafted_tokens: tokens of the answer that speculation guessed.
        accepted_tokens: guesses that were right.
        cached_tokens: of the prompt, that did not have to be computed because another request had read them.
    """

    prompt_tokens: int
    completion_tokens: int
    drafted_tokens: int = field(default=0, compare=False)
    accepted_tokens: int = field(default=0, compare=False)
    cached_tokens: int = field(default=0, compare=False)

    @property
    def total_tokens(self) -> int:
        """Prompt and answer together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds that each part of a request took.

    Attributes:
        load_s: loading the model, once for the engine.
        queued_s: waiting for a place.
        prompt_s: reading the prompt.
        decode_s: writing the answer.
    """

    load_s: float
    queued_s: float
    prompt_s: float
    decode_s: float

    @property
    def total_s(self) -> float:
        """From submission to the end, the load not counted."""
        return self.queued_s + self.prompt_s + self.decode_s


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of a streamed answer. The last event has `finish_reason`, `usage` and `timings`.

    Attributes:
        text: characters that are certain by now; "" while a character or a stop string is still open.
        token: the token's id; None on the last event.
        bytes: what the token stands for, whole characters or not.
        logprobs: of this token, where the request asked for them.
        index: which of the request's n answers it belongs to.
        finish_reason: "stop" (end of answer or a stop string), "length" (max_tokens, or the context is full).
        stop_string: the stop string that matched.
        end_logprobs: of the token that ended the answer and is not part of it, where the request asked for them.
        embedding: (n_embd,) float32, of a request that asked for it; not of length 1 yet.
    """

    text: str
    token: int | None = None
    bytes: bytes = b""
    logprobs: TokenLogprobs | None = None
    index: int = 0
    finish_reason: str | None = None
    stop_string: str | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    prompt_logprobs: tuple[TokenLogprobs, ...] | None = None
    end_logprobs: TokenLogprobs | None = None
    embedding: npt.NDArray[np.float32] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer.

    Attributes:
        text: the answer, without the stop string.
        tokens: ids of the answer, without the token that ended it, but with those that spell a stop string.
        finish_reason: "stop" or "length".
        logprobs: one entry for each token, where the request asked for them.
        end_logprobs: likewise of the token that ended the answer and is not part of it, if one did.
        prompt_logprobs: of each prompt token but the first, where the request asked for them; with n > 1 on the
            first answer only.
        seed: of the random numbers; the same seed gives the same answer again.
        others: the answers after the first, where the request asked for n of them.
        embedding: (n_embd,) float32, of a request that asked for it; not of length 1 yet.
    """

    text: str
    tokens: tuple[int, ...]
    finish_reason: str
    usage: Usage
    timings: Timings
    seed: int
    stop_string: str | None = None
    logprobs: tuple[TokenLogprobs, ...] | None = None
    prompt_logprobs: tuple[TokenLogprobs, ...] | None = None
    end_logprobs: TokenLogprobs | None = None
    others: tuple[Completion, ...] = ()
    embedding: npt.NDArray[np.float32] | None = field(default=None, compare=False)

    @property
    def choices(self) -> tuple[Completion, ...]:
        """All n answers; this one is the first."""
        return (self, *self.others)

    @property
    def message(self) -> dict[str, str]:
        """The answer as a chat message, to be appended to the messages of the next turn."""
        return {"role": "assistant", "content": self.text}


@dataclass(frozen=True, slots=True)
class Score:
    """How likely a text is: the log-probability of every token given those before it.

    Attributes:
        tokens: (n,) ids.
        logprobs: (n,) natural logarithms; None for the first token, which follows nothing.
        top: (n,) the most likely tokens at each place as (id, log-probability); empty unless asked for.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float | None, ...]
    top: tuple[tuple[tuple[int, float], ...], ...]

    @property
    def total(self) -> float:
        """Sum of the log-probabilities."""
        return sum(value for value in self.logprobs if value is not None)


@dataclass(frozen=True, slots=True)
class Perplexity:
    """How much a text surprises a model: e to the mean negative log-probability of a token.

    Attributes:
        perplexity: 1 for a model that knew every token before.
        uncertainty: the standard error of that number, as if tokens were independent.
        n_tokens: how many tokens count.
        n_windows: parts of the text that were read on their own.
        ctx: tokens of each of them.
    """

    perplexity: float
    uncertainty: float
    n_tokens: int
    n_windows: int
    ctx: int


@dataclass(frozen=True, slots=True)
class Embedding:
    """What a model makes of a text, as a vector: texts that mean the same have similar ones.

    Attributes:
        vector: (n_embd,) float32, of length 1 unless asked otherwise.
    """

    vector: npt.NDArray[np.float32] = field(compare=False)
    usage: Usage
    timings: Timings
