"""How tokens are chosen: one record of options, and the names that other programs give them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from fluxmlx._checks import (
    INT32_MAX,
    Check,
    flag,
    integer,
    logit_bias,
    logits_function,
    number,
    optional_flag,
    show,
    stop_strings,
    token_ids,
)
from fluxmlx.errors import InvalidArgumentError, ModelFileError
from fluxmlx.processors import LogitsProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["ALIASES", "MAX_LOGPROBS", "SamplingParams"]

MAX_LOGPROBS = 1024
MAX_ANSWERS = 128

# Names of the same option elsewhere: Ollama, llama.cpp, OpenAI, mlx-lm, Hugging Face transformers.
ALIASES: Mapping[str, str] = {
    "temp": "temperature",
    "typ_p": "typical_p",
    "typical": "typical_p",
    "repeat_penalty": "repetition_penalty",
    "penalty_repeat": "repetition_penalty",
    "repetition_context_size": "repeat_last_n",
    "penalty_last_n": "repeat_last_n",
    "num_predict": "max_tokens",
    "n_predict": "max_tokens",
    "max_new_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "min_new_tokens": "min_tokens",
    "top_logprobs": "logprobs",
    "stop_strings": "stop",
}

# Keys by which a GGUF file says how its model likes to be sampled.
MODEL_DEFAULTS: Mapping[str, str] = {
    "general.sampling.temp": "temperature",
    "general.sampling.top_k": "top_k",
    "general.sampling.top_p": "top_p",
    "general.sampling.min_p": "min_p",
    "general.sampling.penalty_last_n": "repeat_last_n",
    "general.sampling.penalty_repeat": "repetition_penalty",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """The options of one request, named as vLLM names them; docs/sampling.md has the order of the steps.

    Args:
        temperature: 0 to 100; 0 takes the most likely token.
        top_k: keep the k most likely tokens; 0 or -1 keeps all.
        top_p: keep the most likely tokens of this joint probability; 1 keeps all.
        min_p: keep tokens at least this times as likely as the most likely; 0 keeps all.
        typical_p: keep the tokens nearest to the expected surprise, of this joint probability; 1 keeps all.
        repetition_penalty: 0.01 to 100; above 1 makes tokens of the window less likely.
        presence_penalty: -100 to 100, taken off the logit of every token of the window.
        frequency_penalty: -100 to 100, taken off once for each time the token is in the window.
        repeat_last_n: the window, in tokens of prompt and answer; -1 is the whole context, 0 turns it off.
        seed: 0 to 2**64 - 1; None or -1 lets `with_seed` pick one.
        stop: up to 16 strings of up to 256 bytes that end the answer and are not part of it.
        stop_token_ids: tokens that end the answer, beside those of the model.
        ignore_eos: go on where the model would end.
        min_tokens: tokens that come before the model may end.
        max_tokens: tokens at most, 0 for none; None or -1 goes on until the context is full.
        logit_bias: token id -> number added to its logit; -100 and below takes the token out.
        logprobs: None for none, 0 for the chosen token's, n for those of the n most likely too.
        prompt_logprobs: the same for every token of the prompt.
        n: answers to the prompt, 1 to 128; the i-th draws with seed + i, and is what that seed gives alone.
        speculation: whether tokens may be guessed from the text so far and verified several at once, which is faster
            where the answer repeats parts of it; None as `fluxmlx.load()` was told. See docs/sampling.md.
        cache_prompt: whether it may begin with what other requests have read, and leave them what it reads.
        logits_processor: called for each token with NumPy arrays (token ids of prompt and answer, logits (n_vocab,));
            returns the logits to choose from, or None where it changed them in place. Slow: the engine waits for it.

    Raises:
        InvalidArgumentError: a value has the wrong type or is out of range.
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_last_n: int = 64
    seed: int | None = None
    stop: str | Sequence[str] = ()
    stop_token_ids: Sequence[int] = ()
    ignore_eos: bool = False
    min_tokens: int = 0
    max_tokens: int | None = None
    logit_bias: Mapping[int, float] = field(default_factory=dict[int, float])
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    n: int = 1
    speculation: bool | None = None
    cache_prompt: bool = True
    logits_processor: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise InvalidArgumentError(
                f"min_tokens is {self.min_tokens}, more than max_tokens, {self.max_tokens}"
            )

    @classmethod
    def from_options(
        cls, options: Mapping[str, Any], *, base: SamplingParams | None = None
    ) -> SamplingParams:
        """Options by any of their names, on top of `base`; None stands for an option that was not given.

        Args:
            options: name or alias -> value, as a caller or a request has them.
            base: what holds where nothing is given: the surface's defaults, with the model's over them.

        Raises:
            InvalidArgumentError: an unknown name, one option under two names, or a bad value.
        """
        given: dict[str, str] = {}
        for name, value in options.items():
            target = _canonical(name)
            if value is None:
                continue
            if target in given:
                raise InvalidArgumentError(
                    f"{given[target]!r} and {name!r} are the same option; give one of them"
                )
            given[target] = name
        changes = {target: _CHECKS[target](name, options[name]) for target, name in given.items()}
        base = cls() if base is None else base
        return replace(base, **changes) if changes else base

    def with_model_defaults(self, metadata: Mapping[str, Any]) -> SamplingParams:
        """These defaults, with those that the model's file brings in their place.

        Call it on a surface's defaults, before the request: `base=SURFACE.with_model_defaults(metadata)`.

        Args:
            metadata: the GGUF file's keys and values; all but `general.sampling.*` is passed over.

        Raises:
            ModelFileError: a value in the file is out of range.
        """
        changes: dict[str, Any] = {}
        for key, target in MODEL_DEFAULTS.items():
            if key not in metadata:
                continue
            try:
                changes[target] = _CHECKS[target](key, metadata[key])
            except InvalidArgumentError as error:
                raise ModelFileError(f"the model file's default {error}") from None
        return replace(self, **changes) if changes else self

    def with_seed(self) -> SamplingParams:
        """The same options with a seed: a random one where there is none, of 53 bits, as JSON can carry."""
        if self.seed is not None:
            return self
        return replace(self, seed=int.from_bytes(os.urandom(7), "little") >> 3)

    def to_native(self) -> dict[str, Any]:
        """Exactly what the native core takes; call `with_seed` first if the seed is to be reported."""
        return {
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "min_p": self.min_p,
            "typical_p": self.typical_p,
            "repeat_penalty": self.repetition_penalty,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "repeat_last_n": self.repeat_last_n,
            "seed": self.with_seed().seed,
            "stop": [text.encode() for text in self.stop],
            "stop_token_ids": list(self.stop_token_ids),
            "ignore_eos": self.ignore_eos,
            "min_tokens": self.min_tokens,
            "max_tokens": -1 if self.max_tokens is None else self.max_tokens,
            "logit_bias": list(self.logit_bias.items()),
            "logprobs": -1 if self.logprobs is None else self.logprobs,
            "prompt_logprobs": -1 if self.prompt_logprobs is None else self.prompt_logprobs,
            "n": self.n,
            "speculation": self.speculation,
            "cache_prompt": self.cache_prompt,
            "logits_processor": self.logits_processor and LogitsProcessor(self.logits_processor),
        }


_logprobs = integer(0, MAX_LOGPROBS, none=" (0: the chosen token only) or None", none_values=(None,))
_CHECKS: Mapping[str, Check] = {
    "temperature": number(0, 100),
    "top_k": integer(-1, INT32_MAX),
    "top_p": number(0, 1),
    "min_p": number(0, 1),
    "typical_p": number(0, 1),
    "repetition_penalty": number(0.01, 100),
    "presence_penalty": number(-100, 100),
    "frequency_penalty": number(-100, 100),
    "repeat_last_n": integer(-1, INT32_MAX),
    "seed": integer(0, 2**64 - 1, none=", or None or -1 for a random one", none_values=(None, -1)),
    "stop": stop_strings,
    "stop_token_ids": token_ids,
    "ignore_eos": flag,
    "min_tokens": integer(0, INT32_MAX),
    "max_tokens": integer(0, INT32_MAX, none=", or None or -1 for no limit", none_values=(None, -1)),
    "logit_bias": logit_bias,
    "logprobs": _logprobs,
    "prompt_logprobs": _logprobs,
    "n": integer(1, MAX_ANSWERS),
    "speculation": optional_flag,
    "cache_prompt": flag,
    "logits_processor": logits_function,
}
_FIELDS = tuple(item.name for item in fields(SamplingParams))


def _canonical(name: str) -> str:
    """The field that goes by this name."""
    if name in _CHECKS:
        return name
    if name in ALIASES:
        return ALIASES[name]
    from difflib import get_close_matches  # only an error needs it

    near = get_close_matches(str(name), [*_FIELDS, *ALIASES], n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InvalidArgumentError(
        f"unknown sampling option {show(name)}; {hint}The options are {', '.join(_FIELDS)}"
    )
