"""What an engine makes of texts that it only reads, and how a caller waits for it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from fluxmlx._checks import integer
from fluxmlx.async_methods import AsyncMethods
from fluxmlx.batch import Window
from fluxmlx.embeddings import Pooling, embedding_requests, to_embeddings
from fluxmlx.errors import CapabilityError
from fluxmlx.perplexity import perplexity_of, windows_of
from fluxmlx.progress import Report, reporter
from fluxmlx.requests import Prompt, Prompts, Request
from fluxmlx.results import Completion, Embedding, Perplexity, Score
from fluxmlx.sampling import MAX_LOGPROBS, SamplingParams
from fluxmlx.streaming import Stream

if TYPE_CHECKING:
    from fluxmlx import _core

__all__ = ["ReadingMethods"]

_PATIENCE_S = 0.1  # between two looks for Ctrl-C while the engine reads


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

    def perplexity(
        self,
        text: Prompt,
        *,
        ctx: int | None = None,
        chunks: int | None = None,
        stride: int | None = None,
        progress: bool | Report = False,
    ) -> Perplexity:
        """How much a text surprises the model, by the definition of `llama-perplexity`: the text is cut into windows of
        `ctx` tokens, each read on its own and with BOS in place of its first token where the model adds one; of each
        window the tokens of the second half count, and what is left at the end of the text does not.

        Args:
            text: a text, or token ids.
            ctx: tokens of a window; default: 512, or as many as the engine has positions.
            chunks: how many windows to read; default: all.
            stride: begin a window every so many tokens, and count the last so many of each: more context for each
                token and more to read.
            progress: bars on the terminal for True, or a function of ("windows", done, total).

        Raises:
            InvalidArgumentError: a number cannot be used, or the text is shorter than one window.
        """
        tokens = self._requests.ids(text, parse_special=False)
        windows = windows_of(
            tokens, self.tokenizer, ctx=ctx, chunks=chunks, stride=stride, longest=self.info["n_ctx"]
        )
        options = {"max_tokens": 0, "n": 1, "prompt_logprobs": 0, "cache_prompt": False}
        requests = [self._requests.one(prompt, None, options) for prompt in windows.prompts]
        with reporter(progress) as report:
            window = Window(requests, self._start, width=self._width, report=report, unit="windows")
            answers = window.complete()
        return perplexity_of(answers, windows)

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

    def save_prefix(
        self, prompt: Prompt, path: str | os.PathLike[str], *, parse_special: bool = False
    ) -> int:
        """Reads a prompt and writes what came of it to a file, for `load_prefix()` of any engine with the same model
        file and cache_type. Takes as much memory as the file has while it does so.

        Args:
            prompt: a text, or token ids; its whole blocks of 64 tokens are saved.
            path: of the file; one that is there is replaced.

        Returns: how many tokens were saved.

        Raises:
            CapabilityError: keys and values of this engine cannot be shared.
            InvalidArgumentError: the prompt has less than 64 tokens; or what `generate()` raises of a prompt.
            OSError: the file could not be written.
        """
        from fluxmlx import prefix_files

        self._check_sharing()
        tokens = self._requests.ids(prompt, parse_special)
        tokens = tokens[: prefix_files.check_length(len(tokens))]
        memory = self._read_only(tokens, {"saves_prompt": True})
        prefix_files.write(path, self.info, prefix_files.Saved(tokens, memory))
        return len(tokens)

    def load_prefix(self, path: str | os.PathLike[str]) -> int:
        """Takes up what `save_prefix()` wrote: requests that begin with the same tokens do not read them again, as long
        as there is `prefix_memory` for it.

        Returns: how many tokens it has.

        Raises:
            CapabilityError: keys and values of this engine cannot be shared.
            ModelFileError: the file is damaged, or of another model or cache_type.
            OSError: the file could not be read.
        """
        from fluxmlx import prefix_files

        self._check_sharing()
        saved = prefix_files.read(path, self.info)
        self._read_only(saved.tokens, {"restored": saved.memory})
        return len(saved.tokens)

    def _check_sharing(self) -> None:
        if not self.capabilities.supports_kv_prefix_copy:
            raise CapabilityError('keys and values can be saved with ops="kernels" only')

    def _read_only(self, tokens: list[int], wanted: dict[str, Any]) -> bytes:
        """Has the engine read these tokens; returns what it saved of them."""
        request = self._requests.one(tokens, None, {"max_tokens": 0, "n": 1})
        handle = self._core.submit(request.prompt, request.native | wanted)
        try:
            while True:
                for event in handle.take(_PATIENCE_S, True):
                    if event.is_end:
                        return event.saved
        finally:
            handle.cancel()  # whoever presses Ctrl-C does not wait for the rest

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
