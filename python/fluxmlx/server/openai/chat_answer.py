"""Answers of /v1/chat/completions, whole and in chunks."""

from __future__ import annotations

from typing import Any

from fluxmlx.chat.reasoning import Piece, Reasoning
from fluxmlx.results import Completion, Event, Usage
from fluxmlx.server.openai.envelope import Envelope, Tally
from fluxmlx.server.openai.logprobs import chat_logprobs
from fluxmlx.tokenizer import Tokenizer

__all__ = ["ChatChunks", "ChatForm"]


class ChatForm:
    """How the answers of one request look.

    Args:
        n: answers.
        with_logprobs: each token's log-probability is shown.
        thinks: the model thinks before it answers; None where it does not, else whether the prompt has opened its
            thoughts.
    """

    def __init__(
        self, model: str, tokenizer: Tokenizer, *, n: int, with_logprobs: bool, thinks: bool | None
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.n = n
        self.with_logprobs = with_logprobs
        self._thinks = thinks

    def reasoning(self) -> Reasoning | None:
        """What takes one answer apart, where the model thinks."""
        return None if self._thinks is None else Reasoning(is_open=self._thinks)

    def body(self, answer: Completion) -> dict[str, Any]:
        """The whole response."""
        tally = Tally()
        tally.add(one.usage for one in answer.choices)
        choices = [self._choice(index, one) for index, one in enumerate(answer.choices)]
        return Envelope("chatcmpl", "chat.completion", self.model).around(choices, usage=tally.body())

    def _choice(self, index: int, answer: Completion) -> dict[str, Any]:
        piece = Piece(said=answer.text)
        if reasoning := self.reasoning():
            start, end = reasoning.push(answer.text), reasoning.flush()
            piece = Piece(start.thought + end.thought, start.said + end.said)
        message = {"role": "assistant", "content": piece.said, "refusal": None, **_thoughts(piece.thought)}
        logprobs = chat_logprobs(self.tokenizer, answer.logprobs or ()) if self.with_logprobs else None
        return {
            "index": index,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": answer.finish_reason,
        }


class ChatChunks:
    """The chunks of one streamed request: for each answer the role, its thoughts, what it says, and why it ended.

    Args:
        with_usage: token counts come before the end, and every other chunk says that it has none.
        n_prompt: tokens of the prompt, where every chunk is to tell the counts so far.
    """

    def __init__(self, form: ChatForm, *, with_usage: bool = False, n_prompt: int | None = None) -> None:
        self._form = form
        self._n_prompt = n_prompt
        self._n_written = 0
        self._envelope = Envelope("chatcmpl", "chat.completion.chunk", form.model)
        self._usage = {"usage": None} if with_usage else {}
        self._reasoning = [form.reasoning() for _ in range(form.n)]
        self._ended: list[Usage] = []

    def first(self) -> list[dict[str, Any]]:
        """Before all events: who speaks."""
        return [self._chunk(index, {"role": "assistant", "content": ""}) for index in range(self._form.n)]

    def event(self, event: Event) -> list[dict[str, Any]]:
        """What an event shows; nothing while a character, a mark or a stop string is open."""
        self._n_written += event.token is not None
        piece = self._piece(event)
        deltas: list[dict[str, Any]] = []
        if piece.thought:
            deltas.append(_thoughts(piece.thought))
        if piece.said:
            deltas.append({"content": piece.said})
        logprobs = None
        if self._form.with_logprobs and event.logprobs is not None:
            logprobs = chat_logprobs(self._form.tokenizer, [event.logprobs])
            deltas = deltas or [{"content": ""}]
        chunks = [
            self._chunk(event.index, delta, None if number else logprobs)
            for number, delta in enumerate(deltas)
        ]
        if event.usage is not None:
            self._ended.append(event.usage)
        if event.finish_reason is not None:
            chunks.append(self._chunk(event.index, {}, finish_reason=event.finish_reason))
        return chunks

    def last(self) -> list[dict[str, Any]]:
        """After all events: the token counts, where they were asked for."""
        if not self._usage:
            return []
        tally = Tally()
        tally.add(self._ended)
        return [self._envelope.around([], usage=tally.body())]

    def _piece(self, event: Event) -> Piece:
        reasoning = self._reasoning[event.index]
        if reasoning is None:
            return Piece(said=event.text)
        piece = reasoning.push(event.text)
        if event.finish_reason is None:
            return piece
        end = reasoning.flush()
        return Piece(piece.thought + end.thought, piece.said + end.said)

    def _chunk(
        self,
        index: int,
        delta: dict[str, Any],
        logprobs: dict[str, Any] | None = None,
        finish_reason: str | None = None,
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        if self._n_prompt is None:
            return self._envelope.around([choice], **self._usage)
        now = Tally(self._n_prompt, completion_tokens=self._n_written)
        return self._envelope.around([choice], usage=now.body())


def _thoughts(thought: str) -> dict[str, Any]:
    """Under both names that clients look for."""
    return {"reasoning_content": thought, "reasoning": thought} if thought else {}
