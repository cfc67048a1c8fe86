"""Answers of /v1/completions, whole and in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fluxmlx.results import Completion, Event, TokenLogprobs, Usage
from fluxmlx.server.openai.envelope import Envelope, Tally
from fluxmlx.server.openai.logprobs import LegacyLogprobs, joined
from fluxmlx.server.openai.prompts import Asked
from fluxmlx.tokenizer import Tokenizer

__all__ = ["CompletionChunks", "CompletionForm", "best"]


class CompletionForm:
    """How the answers of one request look.

    Args:
        n: answers to each prompt.
        echo: the prompt comes before the answer.
        n_top: how many of the most likely tokens are shown at each place; None for no log-probabilities.
    """

    def __init__(self, model: str, tokenizer: Tokenizer, *, n: int, echo: bool, n_top: int | None) -> None:
        self.envelope = Envelope("cmpl", "text_completion", model)
        self.tokenizer = tokenizer
        self.n = n
        self.echo = echo
        self.n_top = n_top

    def body(self, asked: Sequence[Asked], answers: Sequence[Completion]) -> dict[str, Any]:
        """The whole response: of each prompt the answer that the engine gave, with its others."""
        tally = Tally()
        choices: list[dict[str, Any]] = []
        for prompt, answer in zip(asked, answers, strict=True):
            tally.add((one.usage for one in answer.choices), self._n_ends(answer))
            for one in best(answer.choices, self.n):
                choices.append(self._choice(len(choices), prompt, one, answer.prompt_logprobs or ()))
        return self.envelope.around(choices, usage=tally.body())

    def rows(self, asked: Asked) -> LegacyLogprobs:
        """A builder for the log-probabilities of one answer."""
        strips_space = self.echo and asked.strips_space
        return LegacyLogprobs(self.tokenizer, n_top=self.n_top or 0, strips_space=strips_space)

    def _choice(
        self, index: int, asked: Asked, answer: Completion, prompt_rows: Sequence[TokenLogprobs]
    ) -> dict[str, Any]:
        logprobs = None
        if self.n_top is not None:
            rows = self.rows(asked)
            before = [rows.prompt(asked.ids, prompt_rows, n_silent=asked.n_silent)] if self.echo else []
            logprobs = joined([*before, rows.answer(answer.logprobs or (), end=answer.end_logprobs)])
        text = asked.text + answer.text if self.echo else answer.text
        return choice(index, text, logprobs, answer.finish_reason)

    def _n_ends(self, answer: Completion) -> int:
        shown = self.n_top is not None
        return sum(1 for one in answer.choices if one.end_logprobs is not None) if shown else 0


def choice(
    index: int, text: str, logprobs: dict[str, Any] | None, finish_reason: str | None
) -> dict[str, Any]:
    """One of the choices of an answer or a chunk."""
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}


def best(answers: Sequence[Completion], n: int) -> list[Completion]:
    """The n answers whose tokens are most likely in the mean; all of them in their order, where there are no more."""
    if len(answers) <= n:
        return list(answers)

    def likelihood(answer: Completion) -> float:
        rows = [row.logprob for row in (*(answer.logprobs or ()), answer.end_logprobs) if row is not None]
        return sum(rows) / len(rows) if rows else 0.0

    return sorted(answers, key=likelihood, reverse=True)[:n]


class CompletionChunks:
    """The chunks of one streamed request. Feed it events, prompt by prompt as they come.

    Args:
        prompt_rows: of each prompt, the log-probabilities of its tokens but the first, where they are echoed.
        with_usage: token counts come before the end, and every chunk says that it has none.
        counts_on: every chunk tells the counts so far.
    """

    def __init__(
        self,
        form: CompletionForm,
        asked: Sequence[Asked],
        *,
        prompt_rows: Sequence[Sequence[TokenLogprobs]] = (),
        with_usage: bool = False,
        counts_on: bool = False,
    ) -> None:
        self._form = form
        self._asked = asked
        self._prompt_rows = prompt_rows
        self._usage = {"usage": None} if with_usage else {}
        self._rows = [form.rows(one) for one in asked for _ in range(form.n)]
        self._ended: list[list[Usage]] = [[] for _ in asked]
        self._n_ends = 0
        self._now = Tally(sum(len(one.ids) for one in asked)) if counts_on else None

    def first(self) -> list[dict[str, Any]]:
        """Before all events: the prompts, where they are echoed."""
        if not self._form.echo:
            return []
        chunks: list[dict[str, Any]] = []
        for at, prompt in enumerate(self._asked):
            for index in range(at * self._form.n, (at + 1) * self._form.n):
                logprobs = None
                if self._form.n_top is not None:
                    rows = self._prompt_rows[at]
                    logprobs = self._rows[index].prompt(prompt.ids, rows, n_silent=prompt.n_silent)
                chunks.append(self._chunk(index, prompt.text, logprobs, None))
        return chunks

    def event(self, at: int, event: Event) -> list[dict[str, Any]]:
        """What an event of prompt `at` shows; nothing while a character or a stop string is open."""
        index = at * self._form.n + event.index
        if self._now is not None:
            self._now.completion_tokens += event.token is not None
        logprobs = None
        if self._form.n_top is not None:
            rows = [] if event.logprobs is None else [event.logprobs]
            logprobs = self._rows[index].answer(rows, end=event.end_logprobs)
        if event.usage is not None:
            self._ended[at].append(event.usage)
            self._n_ends += self._form.n_top is not None and event.end_logprobs is not None
        if not event.text and logprobs is None and event.finish_reason is None:
            return []
        return [self._chunk(index, event.text, logprobs, event.finish_reason)]

    def last(self) -> list[dict[str, Any]]:
        """After all events: the token counts, where they were asked for."""
        if not self._usage:
            return []
        tally = Tally(completion_tokens=self._n_ends)
        for usages in self._ended:
            tally.add(usages)
        return [self._form.envelope.around([], usage=tally.body())]

    def _chunk(self, index: int, text: str, logprobs: Any, finish_reason: str | None) -> dict[str, Any]:
        usage = self._usage if self._now is None else {"usage": self._now.body()}
        return self._form.envelope.around([choice(index, text, logprobs, finish_reason)], **usage)
