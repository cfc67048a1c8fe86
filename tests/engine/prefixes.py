"""What the tests of kept prefixes share."""

from __future__ import annotations

import time
from typing import Any

import fluxmlx

LONG = [65 + i % 23 for i in range(200)]
OPTIONS: dict[str, Any] = {"max_tokens": 12, "ignore_eos": True, "seed": 5, "logprobs": 1}


def facts(answer: fluxmlx.Completion) -> tuple[Any, ...]:
    """All of an answer but its seconds."""
    return (
        answer.text,
        answer.tokens,
        answer.finish_reason,
        answer.logprobs,
        answer.prompt_logprobs,
        answer.usage,
    )


def settled(engine: fluxmlx.Engine) -> fluxmlx.Stats:
    """The statistics once nothing runs; a step is counted after its events."""
    while engine.stats().running:
        time.sleep(0.001)
    time.sleep(0.01)
    return engine.stats()
