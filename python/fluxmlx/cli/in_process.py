"""A model that this process loads itself."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from fluxmlx.chat.reasoning import Reasoning, can_think, is_open
from fluxmlx.cli.answering import Description, Event, Talk
from fluxmlx.errors import CapabilityError
from fluxmlx.progress import Bars

if TYPE_CHECKING:
    from fluxmlx.engine import Engine
    from fluxmlx.streaming import Stream

__all__ = ["InProcess", "open_in_process"]

_MARK = 16  # tokens at the end of a prompt that can hold the mark by which thoughts begin


class InProcess:
    """The library behind the verbs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.model_name
        self.can_chat = engine.has_chat_template

    def chat(self, talk: Talk) -> Iterator[Event]:
        """Answers the conversation."""
        self._check(talk)
        options = self._options(talk)
        if talk.think is not None:
            options["template_options"] = self._thinking(talk.think)
        return _events(
            self._engine.chat(talk.whole(), stream=True, **options), self._reasoning(talk, options)
        )

    def complete(self, text: str, talk: Talk) -> Iterator[Event]:
        """Continues a text as it is."""
        self._check(talk)
        return _events(self._engine.stream(text, **self._options(talk)), None)

    def describe(self) -> Description:
        """Everything that the store and the file know."""
        from fluxmlx import hub
        from fluxmlx.cli.describing import of_info

        return of_info(hub.show(self.name))

    def save(self, name: str, talk: Talk) -> None:
        """Writes the model into the store; its weights are shared."""
        from fluxmlx import hub

        preface = [dict(row) for row in hub.resolve(self.name, offline=True).messages]
        recipe = hub.Recipe(
            from_=self.name,
            system=talk.system,
            params=dict(talk.options),
            messages=[*preface, *talk.messages] if talk.messages else [],
        )
        for _ in hub.create(name, recipe):
            pass

    def _check(self, talk: Talk) -> None:
        if talk.format is not None:
            raise CapabilityError(
                "answers cannot be held to a format yet; leave out --format, or say /set noformat in a chat"
            )

    def _options(self, talk: Talk) -> dict[str, Any]:
        from fluxmlx.hub.options import sampling_options

        return sampling_options(talk.options)

    def _thinking(self, think: bool | str) -> dict[str, Any]:
        """The variables by which chat templates are told; each template knows one of them or none."""
        if think and not can_think(self._engine.chat_template.source):
            raise CapabilityError(
                f"{self.name} cannot think before it answers; leave out --think, or say /set nothink in a chat"
            )
        level = {"reasoning_effort": think} if isinstance(think, str) else {}
        return {"enable_thinking": bool(think), **level}

    def _reasoning(self, talk: Talk, options: dict[str, Any]) -> Reasoning | None:
        """What takes the answer apart; None for a model that does not think."""
        if not can_think(self._engine.chat_template.source):
            return None
        prompt = self._engine.chat_ids(talk.whole(), None, options.get("template_options"))
        return Reasoning(is_open=is_open(self._engine.detokenize(prompt[-_MARK:], skip_special=False)))


@contextlib.contextmanager
def open_in_process(
    model: str, *, ctx: int | None, threads: int | None, insecure: bool = False
) -> Generator[InProcess]:
    """Loads a model with bars on the terminal, and closes it at the end."""
    import fluxmlx

    with Bars() as bars:
        if insecure:
            from fluxmlx import hub

            hub.resolve(model, progress=hub.CallbackProgress(bars), insecure=True)
        engine = fluxmlx.load(model, ctx=ctx, threads=threads, progress=bars)
    try:
        yield InProcess(engine)
    finally:
        engine.close()


def _events(stream: Stream, reasoning: Reasoning | None) -> Iterator[Event]:
    try:
        for event in stream:
            said, thought = event.text, ""
            if reasoning is not None:
                pieces = [reasoning.push(said)] + ([reasoning.flush()] if event.finish_reason else [])
                said, thought = (
                    "".join(part) for part in zip(*((p.said, p.thought) for p in pieces), strict=True)
                )
            yield Event(said, thought, event.finish_reason, event.usage, event.timings)
    finally:
        stream.close()  # tells the engine that nobody waits for the rest
