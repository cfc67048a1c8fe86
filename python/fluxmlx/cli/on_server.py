"""A model that a running server has loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fluxmlx.cli.answering import Description, Event, Talk
from fluxmlx.cli.client import Client
from fluxmlx.errors import ModelNotFoundError
from fluxmlx.progress import Bars

__all__ = ["OnServer", "open_on_server"]


@dataclass(frozen=True, slots=True)
class _Usage:
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class _Timings:
    load_s: float
    prompt_s: float
    decode_s: float
    total_s: float


class OnServer:
    """A model behind Ollama's protocol.

    Args:
        of_the_load: options that the server loads the model with; they go with every request, or it would load anew.
        keep_alive: how long the server keeps the model after an answer; None leaves it to the server.
        insecure: where the server has to pull the model first, as for `fluxmlx.hub.pull`.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        of_the_load: Mapping[str, int],
        keep_alive: str | int | None,
        *,
        insecure: bool = False,
    ) -> None:
        self.name = name
        self._client = client
        self._base: dict[str, Any] = {"model": name}
        if keep_alive is not None:
            self._base["keep_alive"] = keep_alive
        self._of_the_load = dict(of_the_load)
        self._insecure = insecure
        self._shown = self._show()
        self.can_chat = bool(self._shown.get("template"))

    def chat(self, talk: Talk) -> Iterator[Event]:
        """Answers the conversation."""
        return self._events("/api/chat", {"messages": talk.whole()}, talk)

    def complete(self, text: str, talk: Talk) -> Iterator[Event]:
        """Continues a text as it is."""
        return self._events("/api/generate", {"prompt": text, "raw": True}, talk)

    def describe(self) -> Description:
        """What the server says of the model."""
        from fluxmlx.cli.describing import of_reply

        return of_reply(self._shown)

    def save(self, name: str, talk: Talk) -> None:
        """Has the server make the model."""
        preface = self._shown.get("messages") or []
        body: dict[str, Any] = {"model": name, "from": self.name, "stream": False}
        if talk.system:
            body["system"] = talk.system
        if talk.options:
            body["parameters"] = talk.options
        if talk.messages:
            body["messages"] = [*preface, *talk.messages]
        self._client.post("/api/create", body)

    def load(self) -> None:
        """Has the server load the model now."""
        self._client.post("/api/generate", {**self._base, "options": self._of_the_load, "stream": False})

    def _show(self) -> dict[str, Any]:
        try:
            return self._client.post("/api/show", {"model": self.name})
        except ModelNotFoundError:
            _pull(self._client, {"model": self.name, "insecure": self._insecure})
            return self._client.post("/api/show", {"model": self.name})

    def _events(self, path: str, body: Mapping[str, Any], talk: Talk) -> Iterator[Event]:
        options = {**self._of_the_load, **talk.options}
        asked = {**self._base, **body, "options": options, "stream": True}
        if talk.format is not None:
            asked["format"] = talk.format
        if talk.think is not None:
            asked["think"] = talk.think
        with contextlib.closing(self._client.stream(path, asked)) as rows:
            for row in rows:
                yield _event(row)


@contextlib.contextmanager
def open_on_server(
    client: Client,
    model: str,
    *,
    ctx: int | None,
    threads: int | None,
    keep_alive: str | int | None,
    insecure: bool = False,
) -> Generator[OnServer]:
    """Has the server load a model, which it downloads first where it must, with bars on the terminal."""
    given = {"num_ctx": ctx, "num_thread": threads}
    of_the_load = {name: value for name, value in given.items() if value is not None}
    opened = OnServer(client, model, of_the_load, keep_alive, insecure=insecure)
    with Bars() as bars:
        bars("loading", 0, 0)
        opened.load()
    yield opened


def _pull(client: Client, asked: Mapping[str, Any]) -> None:
    from fluxmlx import hub
    from fluxmlx.cli.steps import follow

    rows = client.stream("/api/pull", asked)
    with contextlib.closing(rows):
        follow(
            hub.PullRecord(
                str(row.get("status", "")), row.get("digest"), row.get("total"), row.get("completed")
            )
            for row in rows
        )


def _event(row: Mapping[str, Any]) -> Event:
    """A line of /api/chat or /api/generate."""
    said: Mapping[str, Any] = row.get("message") or {}
    text = str(said.get("content") or row.get("response") or "")
    thinking = str(said.get("thinking") or row.get("thinking") or "")
    if not row.get("done"):
        return Event(text, thinking)

    def seconds(name: str) -> float:
        return int(row.get(name) or 0) / 1e9

    return Event(
        text,
        thinking,
        finish_reason=str(row.get("done_reason") or "stop"),
        usage=_Usage(int(row.get("prompt_eval_count") or 0), int(row.get("eval_count") or 0)),
        timings=_Timings(
            seconds("load_duration"),
            seconds("prompt_eval_duration"),
            seconds("eval_duration"),
            seconds("total_duration"),
        ),
    )
