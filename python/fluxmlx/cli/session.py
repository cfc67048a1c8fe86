"""A person and a model in conversation: what was said, how answers are made and shown, and which model answers."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import TracebackType
from typing import Self

from fluxmlx.cli.answer import Answer, Style, print_timings, write_answer
from fluxmlx.cli.answering import Answering, Talk
from fluxmlx.cli.opening import Opening
from fluxmlx.errors import CapabilityError

__all__ = ["Session"]


class Session:
    """One conversation. It is a context manager, which closes the model.

    Attributes:
        answering: the model that answers now.
        talk: what was said, and the options of the next answer.
        style: how answers are shown.
        verbose: whether counts and seconds follow each answer.
        raw: continue each message as it is, without the chat template.
    """

    def __init__(
        self,
        opening: Opening,
        model: str,
        talk: Talk,
        *,
        style: Style | None = None,
        verbose: bool = False,
        raw: bool = False,
    ) -> None:
        self.talk, self.style, self.verbose, self.raw = talk, style or Style(), verbose, raw
        self._opening = opening
        self._open = contextlib.ExitStack()
        self.answering: Answering = self._open.enter_context(opening.open(model))

    def say(self, text: str) -> Answer:
        """Writes the answer to a message. One that is refused is not kept; one that was interrupted is.

        Raises:
            CapabilityError: there is a system message, and the model has no chat template.
        """
        talk = self.talk
        if self.raw or not self.answering.can_chat:
            if talk.system:
                raise CapabilityError(
                    f"{self.answering.name} has no chat template, so it cannot take a system message"
                )
            answer = write_answer(self.answering.complete(text, talk), self.style)
        else:
            talk.messages.append({"role": "user", "content": text})
            try:
                answer = write_answer(self.answering.chat(talk), self.style)
            except BaseException:
                talk.messages.pop()
                raise
            talk.messages.append({"role": "assistant", "content": answer.text})
        if self.verbose:
            print_timings(answer.last)
        return answer

    def load(self, model: str) -> None:
        """Goes on with another model, in a new conversation. Where that fails, or Ctrl-C ends it, with the old one."""
        self._switch(self._opening, model)
        self.talk.messages.clear()

    def load_again(self, *, ctx: int | None = None, threads: int | None = None) -> None:
        """Loads the same model with other options of the load, and goes on with the conversation."""
        old = self._opening
        opening = replace(old, ctx=ctx or old.ctx, threads=threads or old.threads)
        self._switch(opening, self.answering.name)

    def _switch(self, opening: Opening, model: str) -> None:
        old = self.answering.name
        self._open.close()  # first: there may be no room for both
        try:
            self.answering = self._open.enter_context(opening.open(model))
        except BaseException:
            self.answering = self._open.enter_context(self._opening.open(old))
            raise
        self._opening = opening

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
