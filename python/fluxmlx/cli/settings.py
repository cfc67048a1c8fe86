"""`/set` in the chat."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import typer

from fluxmlx.cli.session import Session
from fluxmlx.errors import InvalidArgumentError

__all__ = ["LEVELS", "Settings", "parse_format"]

LEVELS = ("low", "medium", "high", "max")  # of thinking
_HELP = """\
  /set parameter NAME VALUE   an option of the answers: temperature, seed, num_predict, stop ...
  /set system TEXT            the system message
  /set format json|SCHEMA     hold answers to JSON, or to a JSON schema
  /set noformat               let them be text
  /set think [LEVEL]          let the model think first; LEVEL is low, medium, high or max
  /set nothink                let it answer at once
  /set verbose | quiet        counts and seconds after each answer, or not
  /set wordwrap | nowordwrap  break lines between words, or leave them to the terminal
  /set history | nohistory    keep lines for the next time, or not"""


class Settings:
    """The settings of a session."""

    help = _HELP

    def __init__(self, session: Session, remember: Callable[[bool], None]) -> None:
        self._session = session
        self._remember = remember

    def apply(self, text: str) -> None:
        """Does what follows /set.

        Raises:
            InvalidArgumentError: it is no setting, or the value cannot be used.
        """
        name, _, value = text.partition(" ")
        value = value.strip()
        makers: Mapping[str, Callable[[str], str]] = {
            "parameter": self._parameter,
            "system": self._system,
            "format": self._format,
            "think": self._think,
        }
        if maker := makers.get(name):
            typer.echo(maker(value))
        elif name in self._switches() and not value:
            switch, answer = self._switches()[name]
            switch()
            typer.echo(answer)
        else:
            typer.echo(_HELP)

    def _switches(self) -> Mapping[str, tuple[Callable[[], None], str]]:
        """The settings without a value: what each does, and what is said afterwards."""
        session = self._session

        def put(target: object, name: str, value: object) -> Callable[[], None]:
            return lambda: setattr(target, name, value)

        return {
            "noformat": (put(session.talk, "format", None), "Answers are text."),
            "nothink": (put(session.talk, "think", False), "The model answers at once."),
            "verbose": (put(session, "verbose", True), "Counts and seconds follow each answer."),
            "quiet": (put(session, "verbose", False), "Answers come alone."),
            "wordwrap": (put(session.style, "word_wrap", True), "Lines break between words."),
            "nowordwrap": (put(session.style, "word_wrap", False), "Lines break where the terminal ends."),
            "history": (lambda: self._remember(True), "Lines are kept for the next time."),
            "nohistory": (lambda: self._remember(False), "Lines are not kept."),
        }

    def _parameter(self, text: str) -> str:
        from fluxmlx.hub.options import add_parameter, load_options

        name, _, value = text.partition(" ")
        if not name or not value.strip():
            raise InvalidArgumentError("expected a name and a value: /set parameter temperature 0.7")
        options = self._session.talk.options
        found: dict[str, Any] = {}
        for word in value.split() if name == "stop" else [value.strip()]:
            add_parameter(found, name, word)
        if of_the_load := load_options(found):
            self._session.load_again(**of_the_load)
        options.update(found)
        return f"{name} is {json.dumps(options[name], ensure_ascii=False)}."

    def _system(self, text: str) -> str:
        self._session.talk.system = text or None
        return "The system message is set." if text else "The system message is the model's own."

    def _format(self, text: str) -> str:
        self._session.talk.format = parse_format(text)
        return "Answers are JSON." if text == "json" else "Answers follow the schema."

    def _think(self, level: str) -> str:
        if level and level not in LEVELS:
            raise InvalidArgumentError(f"the level is {level[:40]!r}; expected {', '.join(LEVELS)}")
        self._session.talk.think = level or True
        return "The model thinks before it answers."


def parse_format(text: str) -> str | dict[str, Any]:
    """What --format and /set format take: "json", or a JSON schema."""
    if text == "json":
        return text
    try:
        schema = json.loads(text)
    except ValueError:
        schema = None
    if not isinstance(schema, dict):
        raise InvalidArgumentError(f"the format is {text[:60]!r}; expected json, or a JSON schema")
    return cast("dict[str, Any]", schema)
