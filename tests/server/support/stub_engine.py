"""An engine and a loader that need no model: they answer with words, as slowly as a test wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from fluxmlx.errors import EngineClosedError, InvalidArgumentError, ModelNotFoundError, QueueFullError
from fluxmlx.facts import Stats
from fluxmlx.results import Completion, Event, Timings, TokenLogprobs, Usage
from fluxmlx.sampling import SamplingParams
from fluxmlx.server.stamps import Stamps

TIMINGS = Timings(load_s=0.25, queued_s=0.0, prompt_s=0.5, decode_s=1.5)


class StubStream:
    """A running request."""

    def __init__(self, engine: StubEngine, prompt: Any, params: SamplingParams) -> None:
        self._wants_logprobs = params.logprobs is not None
        self._engine = engine
        self._left = list(engine.words)
        self._prompt = prompt
        self._is_open = True
        engine.running += 1

    def __aiter__(self) -> StubStream:
        return self

    async def __anext__(self) -> Event:
        if not self._is_open:
            raise StopAsyncIteration
        try:
            await asyncio.sleep(self._engine.pause)
        except asyncio.CancelledError:
            self.cancel()
            raise
        if self._engine.closed or len(self._left) == len(self._engine.words) - self._engine.closes_after:
            self.cancel()
            raise EngineClosedError("the engine was closed")
        if self._left:
            word = self._left.pop(0)
            row = TokenLogprobs(len(word), -0.5, ((65, -0.25),)) if self._wants_logprobs else None
            return Event(word, token=len(word), bytes=word.encode(), logprobs=row)
        self._close()
        self._engine.finished += 1
        usage = Usage(len(self._prompt), len(self._engine.words))
        return Event("", finish_reason="stop", usage=usage, timings=TIMINGS)

    async def feed(self, sink: Callable[[list[Event]], bool], most: int) -> bool:
        async for event in self:
            if not sink([event]):
                return self._is_open
        return False

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._engine.running -= 1

    def cancel(self) -> None:
        if self._is_open:
            self._engine.cancelled += 1
        self._close()

    async def aclose(self) -> None:
        self.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()


@dataclass
class StubEngine:
    """What the server needs of an engine."""

    words: tuple[str, ...] = ("It ", "is ", "blue.")
    pause: float = 0.0
    n_ctx: int = 512
    max_queue: int = 1000
    has_chat_template: bool = True
    thinks: bool = False
    running: int = 0
    finished: int = 0
    cancelled: int = 0
    queued: int = 0
    closed: bool = False
    closes_after: int = -1  # words
    calls: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.capabilities = SimpleNamespace(n_ctx=self.n_ctx, n_ctx_train=2048, max_sequences=4)
        self.info = {"n_ctx": self.n_ctx, "load_s": 0.25, "file_bytes": 1000, "device": "cpu"}
        self.tokenizer = SimpleNamespace(
            n_vocab=256, bos_id=None, eos_id=None, token_bytes=[bytes([n]) for n in range(256)]
        )
        self.chat_template = SimpleNamespace(source="enable_thinking" if self.thinks else "")
        self.defaults_over = lambda base: base

    def tokenize(self, text: str, *, add_special: bool = True, parse_special: bool = False) -> list[int]:
        return list(text.encode())

    def detokenize(self, tokens: Any, *, skip_special: bool = True) -> str:
        return bytes(tokens).decode("utf-8", "replace")

    def chat_ids(self, messages: Any, tools: Any = None, template_options: Any = None) -> list[int]:
        self.template_options = template_options
        return list("".join(f"{row['role']}:{row['content']}\n" for row in messages).encode())

    def astream(self, prompt: Any, params: Any = None, *, max_unread: int = 0, **options: Any) -> StubStream:
        self.calls.append((prompt, options))
        whole = SamplingParams.from_options(options, base=params)
        self.params = whole
        if self.closed:
            raise EngineClosedError("the engine was closed")
        if self.queued >= self.max_queue:
            raise QueueFullError("too many requests wait")
        if len(prompt) >= self.n_ctx:
            raise InvalidArgumentError(f"the prompt has {len(prompt)} tokens; the context has {self.n_ctx}")
        return StubStream(self, prompt, whole)

    async def agenerate(self, prompt: Any, params: Any = None, **options: Any) -> Completion:
        async with self.astream(prompt, params, **options) as stream:
            last = [event async for event in stream][-1]
        assert last.usage and last.timings
        text = "".join(self.words)
        return Completion(text, tuple(map(len, self.words)), "stop", last.usage, last.timings, seed=1)

    async def aembed(self, prompts: Any, *, normalize: bool = True) -> list[Any]:
        return [
            SimpleNamespace(
                vector=np.array([3.0, 4.0, 0.0]) / (5 if normalize else 1), usage=Usage(len(ids), 0)
            )
            for ids in prompts
        ]

    def stats(self) -> Stats:
        nothing = Stats(**{field.name: 0 for field in fields(Stats)})
        return replace(
            nothing,
            running=self.running,
            queued=self.queued,
            finished=self.finished,
            cancelled=self.cancelled,
        )

    def close(self) -> None:
        self.closed = True


@dataclass
class StubLoader:
    """Knows the models a, b, c and big; keeps what it was asked for.

    `pause` is the time of a load in seconds, `problem` what it raises.
    """

    engine: Callable[[], StubEngine] = StubEngine
    pause: float = 0.0
    is_deaf: bool = False  # to who stops a load
    problem: Exception | None = None
    sizes: Mapping[str, int] = field(default_factory=lambda: {"a": 100, "b": 100, "c": 100, "big": 1000})
    files: Sequence[Path] = ()
    loads: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    engines: list[StubEngine] = field(default_factory=list)

    def size(self, source: str) -> int:
        if source not in self.sizes:
            raise ModelNotFoundError(f"model {source!r} not found")
        return self.sizes[source]

    def stamps(self, source: str) -> Stamps:
        return Stamps(self.files, is_named=True)

    def load(
        self, source: str, options: Mapping[str, Any], progress: Callable[[str, int, int], None]
    ) -> StubEngine:
        self.loads.append((source, dict(options)))
        until = time.monotonic() + self.pause
        while time.monotonic() < until:
            time.sleep(0.005)
            if not self.is_deaf:
                progress("loading", 1, 2)
        if self.problem:
            raise self.problem
        engine = self.engine()
        self.engines.append(engine)
        return engine
