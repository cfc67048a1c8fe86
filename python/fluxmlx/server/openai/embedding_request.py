"""The body of POST /v1/embeddings, and its answer."""

from __future__ import annotations

import base64
import math
import sys
from array import array
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from fluxmlx.server.openai.completion_request import MAX_PROMPTS, PromptField
from fluxmlx.server.openai.errors import refused
from fluxmlx.server.openai.fields import Body

__all__ = ["EmbeddingRequest", "embedding_body", "shortened"]


class EmbeddingRequest(Body):
    """Texts that vectors are wanted of."""

    model: str
    input: PromptField = Field(description="text, texts, token ids, or lists of these")
    encoding_format: str | None = Field(None, description="float or base64")
    dimensions: int | None = Field(None, description="keep the first of them, and make the length 1 again")
    user: str | None = Field(None, description="accepted, without effect")
    keep_alive: str | float | None = None

    def inputs(self) -> list[str | list[int]]:
        """The texts, one or more, none of them empty."""
        given: Any = self.input
        many = isinstance(given, list) and bool(given) and not isinstance(given[0], int)
        found: list[Any] = given if many else [given]
        if len(found) > MAX_PROMPTS:
            raise refused(f"input has {len(found)} entries; the limit is {MAX_PROMPTS}", param="input")
        if not all(found):
            raise refused("input is empty, or has an empty entry; give a text", param="input")
        return found

    def as_base64(self) -> bool:
        """How the vectors are written."""
        if self.encoding_format not in (None, "float", "base64"):
            raise refused(
                f"Invalid value for 'encoding_format' = {self.encoding_format[:50]}. "
                "Supported values: ['float', 'base64'].",
                param="encoding_format",
            )
        return self.encoding_format == "base64"


def shortened(vector: Sequence[float], dimensions: int | None) -> list[float]:
    """The first numbers of a vector, with length 1; all of them as they are where None.

    Raises:
        RequestError: the vector has fewer.
    """
    if dimensions is None:
        return [float(value) for value in vector]
    if not 1 <= dimensions <= len(vector):
        raise refused(
            f"dimensions is {dimensions}; expected a whole number from 1 to {len(vector)}", param="dimensions"
        )
    kept = [float(value) for value in vector[:dimensions]]
    norm = math.sqrt(math.fsum(value * value for value in kept)) or 1.0
    return [value / norm for value in kept]


def embedding_body(
    model: str, vectors: Sequence[Sequence[float]], n_tokens: int, *, as_base64: bool
) -> dict[str, Any]:
    """The whole response."""
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if as_base64 else list(vector)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def _base64(vector: Sequence[float]) -> str:
    """Four bytes each, the lowest first."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
