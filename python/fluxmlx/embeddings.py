"""Vectors that stand for a text, from the last layer of a model that writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, overload

from fluxmlx._checks import show
from fluxmlx.errors import InvalidArgumentError
from fluxmlx.requests import Request
from fluxmlx.results import Completion, Embedding

if TYPE_CHECKING:
    from fluxmlx.requests import Prompt, Prompts, Requests

__all__ = ["Pooling", "embedding_requests", "pooling_of", "to_embeddings"]

Pooling = Literal["last", "mean"]
_POOLINGS = ("last", "mean")
_MEAN = 1  # as GGUF counts them: none, mean, first, last, rank


def pooling_of(metadata: Mapping[str, Any]) -> Pooling:
    """What a file says its embeddings are; "last", which suits a model that writes, where it says nothing."""
    said = metadata.get(f"{metadata.get('general.architecture')}.pooling_type")
    return "mean" if said == _MEAN else "last"


def embedding_requests(
    requests: Requests, prompt: Prompt | Prompts, pooling: Pooling, *, parse_special: bool
) -> Request | list[Request]:
    """A request of a prompt, or one of each of a list, that reads it and writes nothing.

    Raises:
        InvalidArgumentError: there is no such pooling; or what `generate()` raises of a prompt.
    """
    if pooling not in _POOLINGS:
        raise InvalidArgumentError(f"pooling is {show(pooling)}; expected 'last' or 'mean'")
    made = requests.make(prompt, None, {"max_tokens": 0, "n": 1}, parse_special=parse_special)
    if isinstance(made, Request):
        return _pooled(made, pooling)
    return [_pooled(request, pooling) for request in made]


@overload
def to_embeddings(answers: Completion, *, normalize: bool) -> Embedding: ...


@overload
def to_embeddings(
    answers: Completion | list[Completion], *, normalize: bool
) -> Embedding | list[Embedding]: ...


def to_embeddings(answers: Completion | list[Completion], *, normalize: bool) -> Embedding | list[Embedding]:
    """The vectors of requests that `embedding_requests` made, each of length 1 where `normalize`."""
    if isinstance(answers, list):
        return [to_embeddings(answer, normalize=normalize) for answer in answers]
    vector = answers.embedding
    assert vector is not None
    return Embedding(_unit(vector) if normalize else vector, answers.usage, answers.timings)


def _pooled(request: Request, pooling: str) -> Request:
    return replace(request, native={**request.native, "pooling": pooling})


def _unit(vector: Any) -> Any:
    import numpy as np

    length = float(np.sqrt(np.sum(np.square(vector, dtype=np.float64))))
    return (vector / np.float32(length)) if length > 0 else vector
