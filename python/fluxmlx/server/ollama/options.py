"""The `options` of a request: those of sampling, those of a load, and those that have no meaning here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.hub.options import checked, is_known, load_options, sampling_options
from fluxmlx.sampling import SamplingParams

__all__ = ["DEFAULTS", "Options", "read_logprobs", "read_options"]

_LOG = logging.getLogger("fluxmlx.server")
_MAX_LOGPROBS = 20

# What Ollama does where neither request nor model says anything.
DEFAULTS = SamplingParams(temperature=0.8, top_k=40, top_p=0.9, min_p=0.0, repeat_last_n=64)


@dataclass(frozen=True, slots=True)
class Options:
    """One request's options.

    Attributes:
        sampling: by Ollama's names.
        loading: `ctx` and `threads`, for the pool.
        num_keep: tokens at the beginning of a prompt that a cut leaves alone.
    """

    sampling: Mapping[str, Any]
    loading: Mapping[str, int]
    num_keep: int

    def params(self, engine: Any, *, logprobs: int | None) -> SamplingParams:
        """What the engine is asked for: Ollama's defaults, the model's over them, the request's over those."""
        options = {**self.sampling, "logprobs": logprobs}
        return SamplingParams.from_options(options, base=engine.defaults_over(DEFAULTS))


def read_options(options: Mapping[str, Any]) -> Options:
    """Checks a request's options. A name that Ollama does not know either is passed over with a line in the log.

    Raises:
        InvalidArgumentError: a value has another type than its option.
    """
    known = {name: value for name, value in options.items() if value is not None and is_known(name)}
    for name in options:
        if name not in known and not is_known(name):
            _LOG.warning("invalid option provided: %s", name[:64])
    right = checked(known)
    sampling = sampling_options(right)
    if sampling.get("num_predict", 1) <= 0:  # to the end of the context, as with Ollama
        sampling["num_predict"] = -1
    if sampling.get("seed", 0) < -1:
        sampling["seed"] %= 2**64
    return Options(sampling, load_options(right), max(right.get("num_keep", 4), 0))


def read_logprobs(wanted: bool, top: int) -> int | None:
    """The engine's number for `logprobs` and `top_logprobs`."""
    if not 0 <= top <= _MAX_LOGPROBS:
        raise InvalidArgumentError(f"top_logprobs must be between 0 and {_MAX_LOGPROBS}")
    return top if wanted or top else None
