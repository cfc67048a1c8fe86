"""The three ways in which parents talk to a runner, and how an answer looks in each.

`ollama`: Ollama up to 0.13. Keys as Go names its fields, zero values omitted; a number says why an answer ended.
`plain`: lower-case keys, a word says why it ended, counts on every line.
`mlx`: Ollama's runner for MLX since 0.33; keys of both ways begin with a capital.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fluxmlx.server.clock import nanoseconds

if TYPE_CHECKING:
    from fluxmlx.results import Event

__all__ = ["DIALECTS", "Dialect", "Lines", "choose"]

Dialect = Literal["ollama", "plain", "mlx"]
DIALECTS: tuple[Dialect, ...] = ("ollama", "plain", "mlx")
_GO = "Go-http-client"
_REASONS = {"stop": 0, "length": 1}  # 2: the connection was closed, which nobody is left to read


def choose(set_to: Dialect | None, keys: Mapping[str, Any], agent: str, *, is_mlx: bool = False) -> Dialect:
    """The dialect of a request: as the runner was told, or what the request shows.

    Args:
        keys: of its body; Ollama's begin with a capital.
        agent: its User-Agent.
        is_mlx: it came on a route that only that dialect has.
    """
    if set_to is not None:
        return set_to
    if is_mlx:
        return "mlx"
    return "ollama" if agent.startswith(_GO) or "Prompt" in keys or "Operation" in keys else "plain"


@dataclass(slots=True)
class Lines:
    """The lines of one answer.

    Args:
        n_prompt: tokens of the prompt.
    """

    dialect: Dialect
    n_prompt: int
    _n_written: int = 0
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def event(self, event: Event, logprobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The lines of an event: tokens whose text is not certain yet come with the next piece."""
        self._n_written += event.token is not None
        self._rows += logprobs
        is_last = event.usage is not None
        lines = [self._piece(event.text)] if event.text or (self._rows and is_last) else []
        return [*lines, self._last(event)] if is_last else lines

    def _piece(self, text: str) -> dict[str, Any]:
        rows, self._rows = self._rows, []
        numbers: tuple[int, int, int, int] = (0, 0, 0, 0)
        if self.dialect == "plain":
            numbers = (self.n_prompt, 0, self._n_written, 0)
        return self._line(text, None, numbers, rows)

    def _last(self, event: Event) -> dict[str, Any]:
        assert event.usage is not None and event.timings is not None and event.finish_reason is not None
        numbers = (
            event.usage.prompt_tokens,
            nanoseconds(event.timings.prompt_s),
            event.usage.completion_tokens,
            nanoseconds(event.timings.decode_s),
        )
        return self._line("", event.finish_reason, numbers, [])

    def _line(
        self,
        text: str,
        reason: str | None,
        numbers: tuple[int, int, int, int],
        logprobs: list[dict[str, Any]],
    ) -> dict[str, Any]:
        code: int | str = _REASONS.get(reason or "stop", 0)
        if self.dialect == "plain":
            code = reason or ""
        names = ("prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")
        line: dict[str, Any] = {"content": text, "done": reason is not None, "done_reason": code}
        line |= dict(zip(names, numbers, strict=True))
        if logprobs:
            line["logprobs"] = logprobs
        if self.dialect != "mlx":
            return line
        return {_as_go(name): value for name, value in line.items()} | {"Error": None}


def _as_go(name: str) -> str:
    """`done_reason` -> `DoneReason`."""
    return "".join(part.capitalize() for part in name.split("_"))
