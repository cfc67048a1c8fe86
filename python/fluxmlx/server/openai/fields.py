"""The fields that requests for completions and for chats have in common, and the options they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field

from fluxmlx.errors import CapabilityError, InvalidArgumentError
from fluxmlx.sampling import SamplingParams
from fluxmlx.server.openai.errors import about, refused

__all__ = ["MAX_CHOICES", "SURFACE", "Body", "Generation", "StreamOptions", "Texts", "TokenIds", "TokenLists"]

# What OpenAI's servers do where a request says nothing; what a model brings goes over it.
SURFACE = SamplingParams(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, repeat_last_n=-1)
MAX_CHOICES = 8
MAX_CONTEXT = 2**27

# Fields of a request that are options of the engine by the same name or an alias.
_OPTIONS = (
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "logit_bias", "top_k", "min_p",
    "typical_p", "repetition_penalty", "repeat_penalty", "repeat_last_n", "min_tokens", "ignore_eos",
    "stop_token_ids",
)  # fmt: skip


class _FirstWrong(FailFast):
    """Lists may be long: the first wrong entry is enough to refuse one. Python 3.11's unions want it hashable."""

    def __hash__(self) -> int:
        return id(self)


Texts = Annotated[list[str], _FirstWrong()]
TokenIds = Annotated[list[int], _FirstWrong()]
TokenLists = Annotated[list[TokenIds], _FirstWrong()]


class Body(BaseModel):
    """A request's body: every field has its type, and no field is unknown, as with OpenAI's servers."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())


class StreamOptions(Body):
    """What a stream has beside the answer."""

    include_usage: bool | None = Field(None, description="send token counts before the end")
    include_obfuscation: bool | None = Field(None, description="accepted; chunks are not padded")
    continuous_usage_stats: bool | None = Field(None, description="send token counts with every chunk")


class Generation(Body):
    """What every request for text may have."""

    model: str = Field(description="a model's name")
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = Field(None, description=f"answers, 1 to {MAX_CHOICES}; the i-th draws with seed + i")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: str | Texts | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = Field(None, description="token id -> number added to its logit")
    seed: int | None = None
    max_tokens: int | None = None
    user: str | None = Field(None, description="accepted, without effect")

    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    repeat_penalty: float | None = None
    repeat_last_n: int | None = None
    min_tokens: int | None = None
    ignore_eos: bool | None = None
    stop_token_ids: TokenIds | None = None
    num_ctx: int | None = Field(
        None, description="positions that the request may use, prompt and answer together"
    )
    keep_alive: str | float | None = Field(
        None, description="how long the model stays loaded: seconds, or '5m'"
    )
    options: dict[str, Any] | None = Field(None, description="options by Ollama's names")

    def load_options(self) -> dict[str, int]:
        """What of the request is decided when the model is loaded, by the names of `fluxmlx.load`."""
        from fluxmlx.hub.options import checked, load_options

        if self.num_ctx is not None and not 1 <= self.num_ctx <= MAX_CONTEXT:
            raise refused(
                f"num_ctx is {self.num_ctx}; expected a whole number from 1 to {MAX_CONTEXT}", param="num_ctx"
            )
        given = about("options", lambda: checked(self.options or {}))
        return load_options(given if self.num_ctx is None else {**given, "num_ctx": self.num_ctx})

    def context(self, engine: Any) -> int:
        """Positions that the request may use: num_ctx, but never more than were loaded."""
        n_ctx: int = engine.capabilities.n_ctx
        return min(self.load_options().get("ctx", n_ctx), n_ctx)

    def sampling(self, defaults: SamplingParams, **more: Any) -> SamplingParams:
        """The engine's options: those of `options`, over them the fields of the request, over them `more`."""
        from fluxmlx.hub.options import checked, sampling_options

        wanted = sampling_options(about("options", lambda: checked(self.options or {})))
        base = about("options", lambda: SamplingParams.from_options(wanted, base=defaults))
        return checked_options(
            {name: getattr(self, name) for name in _OPTIONS} | {"n": self.choices()} | more, base
        )

    def choices(self) -> int:
        """How many answers each prompt gets."""
        n = 1 if self.n is None else self.n
        if not 1 <= n <= MAX_CHOICES:
            raise refused(f"n is {n}; expected a whole number from 1 to {MAX_CHOICES}", param="n")
        return n

    def with_usage(self) -> bool:
        """Whether a stream ends with token counts.

        Raises:
            RequestError: there are options for a stream, and no stream.
        """
        if self.stream_options is None:
            return False
        if not self.stream:
            raise refused("stream_options is for stream: true only", param="stream_options")
        return bool(self.stream_options.include_usage)

    def counts_on(self) -> bool:
        """Whether every chunk of a stream has token counts."""
        return self.stream_options is not None and bool(self.stream_options.continuous_usage_stats)


def checked_options(options: Mapping[str, Any], base: SamplingParams) -> SamplingParams:
    """Options over a base; the error for one that cannot be used says which field it was."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return SamplingParams.from_options(given, base=base)
    except InvalidArgumentError as error:
        for name, value in given.items():
            about(name, lambda name=name, value=value: SamplingParams.from_options({name: value}))
        raise refused(str(error)) from error


def refuse(name: str, value: Any) -> None:
    """Raises CapabilityError where a request has a field that this server cannot honour."""
    if value not in (None, False, [], {}):
        raise CapabilityError(f"{name} is not supported by this server yet; leave it out")
