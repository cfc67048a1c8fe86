"""An engine that needs no model. As a program it is the command line with that engine in it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from fluxmlx.errors import InvalidArgumentError, ModelNotFoundError


@dataclass
class Usage:
    prompt_tokens: int = 5
    completion_tokens: int = 3


@dataclass
class Timings:
    load_s: float = 0.25
    prompt_s: float = 0.5
    decode_s: float = 1.5
    total_s: float = 62.0


@dataclass
class Event:
    text: str
    token: int | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    timings: Timings | None = None


@dataclass
class FakeEngine:
    """Answers with the words it is given; keeps every call for the test to look at."""

    words: tuple[str, ...] = ("It ", "is ", "blue.")
    pause: float = 0.0
    has_chat_template: bool = True
    chat_template: Any = field(default_factory=lambda: SimpleNamespace(source="{{ messages }}"))
    prompt_end: str = ""
    model_name: str = "fake"
    calls: list[tuple[str, Any, dict[str, Any]]] = field(default_factory=list)
    loads: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    closed: bool = False

    def load(
        self,
        name: str,
        *,
        ctx: int | None = None,
        threads: int | None = None,
        progress: bool | Callable[[str, int, int], None] = False,
    ) -> FakeEngine:
        if name == "missing":
            raise ModelNotFoundError("no model is called\n'missing'")
        if callable(progress):
            progress("loading", 1, 2)
            progress("loading", 2, 2)
        self.loads.append((name, {"ctx": ctx, "threads": threads}))
        return self

    def chat(
        self, messages: list[dict[str, str]], *, stream: bool = False, **options: Any
    ) -> Iterator[Event]:
        assert stream
        self.calls.append(("chat", list(messages), options))
        return self._events(messages[-1]["content"])

    def chat_ids(self, messages: list[dict[str, str]], tools: None, options: Any) -> list[int]:
        return [1]

    def detokenize(self, tokens: list[int], *, skip_special: bool) -> str:
        return self.prompt_end

    def stream(self, prompt: str, **options: Any) -> Iterator[Event]:
        self.calls.append(("stream", prompt, options))
        return self._events(prompt)

    def _events(self, prompt: str) -> Iterator[Event]:
        if "refuse" in prompt:
            raise InvalidArgumentError("the prompt was refused")
        for word in self.words:
            yield Event(word, token=1)
            time.sleep(self.pause)
        yield Event("", finish_reason="stop", usage=Usage(), timings=Timings())

    def close(self) -> None:
        self.closed = True


if __name__ == "__main__":
    import fluxmlx
    from fluxmlx.cli import main

    count = int(os.environ.get("FAKE_WORDS", "3"))
    engine = FakeEngine(words=("word ",) * count, pause=float(os.environ.get("FAKE_PAUSE", "0")))
    fluxmlx.load = engine.load  # type: ignore[attr-defined]
    main()
