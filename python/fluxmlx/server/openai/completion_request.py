"""The body of POST /v1/completions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from fluxmlx.errors import CapabilityError
from fluxmlx.sampling import SamplingParams
from fluxmlx.server.openai.errors import refused
from fluxmlx.server.openai.fields import MAX_CHOICES, Generation, Texts, TokenIds, TokenLists

__all__ = ["MAX_PROMPTS", "CompletionRequest", "PromptField"]

MAX_PROMPTS = 2048
_DEFAULT_TOKENS = 16

PromptField = str | Texts | TokenIds | TokenLists


class CompletionRequest(Generation):
    """A prompt, or several, to be continued."""

    prompt: PromptField | None = Field(None, description="text, texts, token ids, or lists of these")
    suffix: str | None = None
    echo: bool | None = Field(None, description="put the prompt before the answer")
    logprobs: int | None = Field(None, description="log-probabilities of each token and of the n most likely")
    best_of: int | None = Field(None, description="write so many answers, and give the n most likely")
    add_special_tokens: bool | None = Field(
        None, description="add the tokens that the model wants around a text"
    )

    def prompts(self) -> list[str | list[int]]:
        """The prompts, one or more."""
        given = "" if self.prompt is None else self.prompt
        if isinstance(given, str):
            return [given]
        if not given:
            raise refused("prompt is an empty list; give at least one token, or one text", param="prompt")
        if isinstance(given[0], int):
            return [[int(token) for token in given if isinstance(token, int)]]
        if len(given) > MAX_PROMPTS:
            raise refused(f"{len(given)} prompts in one request; the limit is {MAX_PROMPTS}", param="prompt")
        return [one for one in given if not isinstance(one, int)]

    def candidates(self) -> int:
        """How many answers are written for each prompt, of which the best n are given."""
        n = self.choices()
        best_of = n if self.best_of is None else self.best_of
        if not n <= best_of <= MAX_CHOICES:
            raise refused(f"best_of is {best_of}; expected {n} (n) to {MAX_CHOICES}", param="best_of")
        if best_of > n and self.stream:
            raise refused("best_of more than n cannot be streamed: all must be whole first", param="best_of")
        return best_of

    def params(self, defaults: SamplingParams) -> SamplingParams:
        """The engine's options.

        Raises:
            RequestError: a field is out of range, or does not go with another.
            CapabilityError: the engine cannot do it.
        """
        if self.suffix:
            raise CapabilityError(
                "suffix (filling in the middle) is not supported by this server yet; leave it out"
            )
        candidates = self.candidates()
        more: dict[str, Any] = {
            "max_tokens": _DEFAULT_TOKENS if self.max_tokens is None else self.max_tokens,
            "n": candidates,
            "logprobs": self.logprobs,
            "prompt_logprobs": self.logprobs if self.echo else None,
        }
        if candidates > self.choices() and self.logprobs is None:
            more["logprobs"] = 0
        if self.max_tokens is not None and self.max_tokens < 0:
            raise refused(
                f"max_tokens is {self.max_tokens}; expected a whole number from 0", param="max_tokens"
            )
        return self.sampling(defaults, **more)
