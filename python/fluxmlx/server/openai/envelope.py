"""What all answers are wrapped in: id, time, model, and token counts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fluxmlx.results import Usage

__all__ = ["Envelope", "Tally"]


@cache
def _fingerprint() -> str:
    """Where it is the same, a seed gives the same answer again."""
    from fluxmlx._native import info

    facts = info()
    return f"fluxmlx-{facts['version'] or 'developer'}-mlx-{facts['mlx_version']}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The same around every chunk of a stream.

    Attributes:
        prefix: of the id: "cmpl" or "chatcmpl".
        kind: the object's name.
        model: as the request spelled it.
    """

    prefix: str
    kind: str
    model: str
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))
    fingerprint: str = field(default_factory=_fingerprint)

    def around(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """An answer, or a chunk of one."""
        return {
            "id": f"{self.prefix}-{self.id}",
            "object": self.kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
            "choices": choices,
            **more,
        }


@dataclass(slots=True)
class Tally:
    """Token counts of a request's answers; a prompt counts once, however many answers it has."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def add(self, answers: Iterable[Usage], n_ends: int = 0) -> None:
        """The answers to one prompt.

        Args:
            n_ends: tokens that ended answers and are shown among those of the answer.
        """
        usages = list(answers)
        self.prompt_tokens += usages[0].prompt_tokens
        self.cached_tokens += usages[0].cached_tokens
        self.completion_tokens += sum(usage.completion_tokens for usage in usages) + n_ends

    def body(self) -> dict[str, Any]:
        """The `usage` of an answer."""
        total = self.prompt_tokens + self.completion_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }
