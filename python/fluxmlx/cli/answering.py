"""What the verbs need of a model, wherever it runs: in this process or in a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Answering", "Description", "Event", "Message", "Talk", "Timings", "Usage"]

Message = dict[str, str]  # role, content


class Usage(Protocol):
    """Counts of one request."""

    @property
    def prompt_tokens(self) -> int: ...

    @property
    def completion_tokens(self) -> int: ...


class Timings(Protocol):
    """Seconds of one request."""

    @property
    def load_s(self) -> float: ...

    @property
    def prompt_s(self) -> float: ...

    @property
    def decode_s(self) -> float: ...

    @property
    def total_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Event:
    """One step of an answer; the last one has the finish reason, the counts and the seconds."""

    text: str = ""
    thinking: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    timings: Timings | None = None


@dataclass(slots=True)
class Talk:
    """A conversation, and how its next answer is to be made. It is kept here, also where a server answers.

    Attributes:
        options: by Ollama's names.
        format: "json", or a JSON schema.
        think: whether a model that can think first is to, or how much; None leaves it to the model.
    """

    messages: list[Message] = field(default_factory=list[Message])
    system: str | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    format: str | Mapping[str, Any] | None = None
    think: bool | str | None = None

    def whole(self) -> list[Message]:
        """All messages, the system's first."""
        start: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        return [*start, *self.messages]


@dataclass(frozen=True, slots=True)
class Description:
    """What /show tells of a model; empty where there is nothing to tell."""

    info: str = ""
    licence: str = ""
    modelfile: str = ""
    parameters: str = ""
    system: str = ""
    template: str = ""


class Answering(Protocol):
    """A loaded model."""

    @property
    def name(self) -> str: ...

    @property
    def can_chat(self) -> bool:
        """Whether it has a chat template; without one it continues texts."""
        ...

    def chat(self, talk: Talk) -> Iterator[Event]:
        """Answers the conversation. Closing the iterator stops the model."""
        ...

    def complete(self, text: str, talk: Talk) -> Iterator[Event]:
        """Continues a text as it is."""
        ...

    def describe(self) -> Description: ...

    def save(self, name: str, talk: Talk) -> None:
        """Makes a model of this one with the talk's options, system message and messages."""
        ...
