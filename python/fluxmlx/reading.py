"""What an engine makes of texts that it only reads, and how a caller waits for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, overload

from fluxmlx._checks import integer
from fluxmlx.async_methods import AsyncMethods
from fluxmlx.batch import Window
from fluxmlx.embeddings import Pooling, embedding_requests, to_embeddings
from fluxmlx.progress import Report, reporter
from fluxmlx.requests import Prompt, Prompts, Request
from fluxmlx.results import Completion, Embedding, Score
from fluxmlx.sampling import MAX_LOGPROBS, SamplingParams
from fluxmlx.streaming import Stream

if TYPE_CHECKING:
    from fluxmlx import _core

__all__ = ["ReadingMethods"]


class ReadingMethods(AsyncMethods):
    """The methods of an engine that write nothing, over what runs requests for a caller who waits."""

    _defaults: SamplingParams

    def score(self, prompt: Prompt, *, top: int = 0, parse_special: bool = False) -> Score:
        """The log-probability of every token of a text given those before it; writes nothing.

        Args:
            prompt: a text, or token ids.
            top: how many of the most likely tokens to report at each place.
        """
        top = integer(0, MAX_LOGPROBS)("top", top)
        params = replace(self._defaults, max_tokens=0, prompt_logprobs=top)
        request = self._requests.one(prompt, params, {}, parse_special=parse_special)
        rows = self._start(request).result().prompt_logprobs or ()
        return Score(
            tokens=request.prompt,
            logprobs=(None, *(row.logprob for row in rows)),
            top=((), *(row.top for row in rows)),
        )

    @overload
    def embed(self, prompt: Prompt, *, pooling: Pooling | None = ..., normalize: bool = ...,
              parse_special: bool = ..., progress: bool | Report = ...) -> Embedding: ...  # fmt: skip

    @overload
    def embed(self, prompt: Prompts, *, pooling: Pooling | None = ..., normalize: bool = ...,
              parse_special: bool = ..., progress: bool | Report = ...) -> list[Embedding]: ...  # fmt: skip

    def embed(
        self,
        prompt: Prompt | Prompts,
        *,
        pooling: Pooling | None = None,
        normalize: bool = True,
        parse_special: bool = False,
        progress: bool | Report = False,
    ) -> Embedding | list[Embedding]:
        """A vector that stands for a text: the state of the last layer, behind the last norm. Of a list, one of each.

        Args:
            pooling: "last" takes the state of the last token, "mean" the mean over all; None: as the file says,
                else "last".
            normalize: make it a vector of length 1, whose products with others are cosines.

        Raises: what `generate()` does.
        """
        made = embedding_requests(
            self._requests, prompt, pooling or self._pooling, parse_special=parse_special
        )
        return to_embeddings(self._complete(made, progress), normalize=normalize)

    def _complete(
        self, made: Request | list[Request], progress: bool | Report
    ) -> Completion | list[Completion]:
        """The answer, or the answers in order."""
        if isinstance(made, Request) and not progress:
            return self._start(made).result()
        requests = [made] if isinstance(made, Request) else made
        with reporter(progress) as report:
            answers = Window(requests, self._start, width=self._width, report=report).complete()
        return answers[0] if isinstance(made, Request) else answers

    def _start(self, request: Request, mailbox: _core.Mailbox | None = None, key: int = 0) -> Stream:
        handle = self._core.submit(request.prompt, request.native, mailbox, key, whole=True)
        return Stream(handle, request, engine=self, load_s=self.info["load_s"])
