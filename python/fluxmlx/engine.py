"""A loaded model that answers."""

from __future__ import annotations

import functools
import operator
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from fluxmlx._checks import integer, show
from fluxmlx.errors import InvalidArgumentError
from fluxmlx.results import Completion, Score
from fluxmlx.sampling import MAX_LOGPROBS, SamplingParams
from fluxmlx.streaming import Stream

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.chat import ChatTemplate
    from fluxmlx.tokenizer import Tokenizer

__all__ = ["Engine"]

Prompt = str | Sequence[int]
Messages = Sequence[Mapping[str, Any]]


class Engine:
    """A loaded model. Make one with `fluxmlx.load()`; it is a context manager, or `close()` it.

    Every method may be called from any thread. Options of a request are the fields of `SamplingParams` and
    their aliases; an unknown one is an error that names the nearest.

    Attributes:
        model_name: what it was loaded by.
        tokenizer: text to token ids and back.
        info: facts about the model, its layout and the device: shapes, bytes, context lengths, seconds.
    """

    def __init__(
        self,
        core: _core.Engine,
        *,
        model_name: str,
        tokenizer: Tokenizer,
        templates: Mapping[str, Any],
        defaults: SamplingParams,
    ) -> None:
        self._core = core
        self._templates = templates
        self._defaults = defaults
        self.model_name = model_name
        self.tokenizer = tokenizer
        self.info: dict[str, Any] = dict(core.info)
        # At interpreter exit the native thread must be gone before MLX is.
        self._finalizer = weakref.finalize(self, core.close)

    @property
    def has_chat_template(self) -> bool:
        """Whether `chat()` works; a base model has no template."""
        return "tokenizer.chat_template" in self._templates

    @functools.cached_property
    def chat_template(self) -> ChatTemplate:
        """The template of the model file, compiled when it is first used.

        Raises:
            CapabilityError: the model has none.
            ChatTemplateError: it is not a valid template.
        """
        from fluxmlx import chat

        return chat.from_gguf(self._templates, self.tokenizer)

    def tokenize(self, text: str, *, add_special: bool = True, parse_special: bool = False) -> list[int]:
        """Token ids of a text.

        Args:
            add_special: add the tokens that the model wants around a text (often one at its beginning).
            parse_special: turn control tokens that are written out in the text into their ids.
        """
        return self.tokenizer.encode(text, add_special=add_special, parse_special=parse_special)

    def detokenize(self, tokens: Iterable[int], *, skip_special: bool = True) -> str:
        """Text of token ids; bytes that are no UTF-8 become U+FFFD."""
        return self.tokenizer.decode(list(tokens), skip_special=skip_special)

    def generate(
        self,
        prompt: Prompt,
        params: SamplingParams | None = None,
        *,
        parse_special: bool = False,
        **options: Any,
    ) -> Completion:
        """Continues a prompt and returns the whole answer.

        Args:
            prompt: a text, or token ids that are taken as they are.
            params: options as an object; keyword options go over it.
            parse_special: turn control tokens that are written out in the prompt into their ids.

        Raises:
            InvalidArgumentError: an option or the prompt cannot be used; longer than the context, for example.
            EngineError, EngineClosedError, OutOfMemoryError: the request failed; the engine goes on.
        """
        return self.stream(prompt, params, parse_special=parse_special, **options).result()

    def stream(
        self,
        prompt: Prompt,
        params: SamplingParams | None = None,
        *,
        parse_special: bool = False,
        **options: Any,
    ) -> Stream:
        """Continues a prompt and returns its events as they come. May be dropped half way.

        Takes and raises what `generate()` does.
        """
        return self._submit(self._prompt_ids(prompt, parse_special), self._params(params, options))

    @overload
    def chat(self, messages: Messages, params: SamplingParams | None = ..., *, stream: Literal[False] = ...,
             tools: Sequence[Mapping[str, Any]] | None = ..., template_options: Mapping[str, Any] | None = ...,
             **options: Any) -> Completion: ...  # fmt: skip

    @overload
    def chat(self, messages: Messages, params: SamplingParams | None = ..., *, stream: Literal[True],
             tools: Sequence[Mapping[str, Any]] | None = ..., template_options: Mapping[str, Any] | None = ...,
             **options: Any) -> Stream: ...  # fmt: skip

    def chat(
        self,
        messages: Messages,
        params: SamplingParams | None = None,
        *,
        stream: bool = False,
        tools: Sequence[Mapping[str, Any]] | None = None,
        template_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Completion | Stream:
        """Answers a conversation, laid out by the model's own chat template.

        Args:
            messages: dicts with "role" ("system", "user", "assistant", "tool") and "content".
            stream: return the events as they come instead of the whole answer.
            tools: descriptions of functions, for templates that know them.
            template_options: further variables for the template.

        Raises:
            CapabilityError: the model has no chat template.
            ChatTemplateError: the template refused the messages.
        """
        running = self._submit(
            self.chat_ids(messages, tools, template_options), self._params(params, options)
        )
        return running if stream else running.result()

    def chat_ids(
        self,
        messages: Messages,
        tools: Sequence[Mapping[str, Any]] | None = None,
        template_options: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """The token ids that `chat()` sends for these messages."""
        from fluxmlx import chat

        return chat.apply(
            self.tokenizer, self.chat_template, messages, tools=tools, **(template_options or {})
        )

    def score(self, prompt: Prompt, *, top: int = 0, parse_special: bool = False) -> Score:
        """The log-probability of every token of a text given those before it; writes nothing.

        Args:
            prompt: a text, or token ids.
            top: how many of the most likely tokens to report at each place.
        """
        ids = self._prompt_ids(prompt, parse_special)
        top = integer(0, MAX_LOGPROBS)("top", top)
        params = replace(self._defaults, max_tokens=0, prompt_logprobs=top)
        rows = self._submit(ids, params).result().prompt_logprobs or ()
        return Score(
            tokens=tuple(ids),
            logprobs=(None, *(row.logprob for row in rows)),
            top=((), *(row.top for row in rows)),
        )

    def close(self) -> None:
        """Ends what runs and frees the model. May be called again, also while another thread's call waits; later
        requests are refused."""
        self._core.close()
        self._finalizer.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<fluxmlx.Engine {self.model_name} ({self.info['architecture']}) on {self.info['device']}>"

    def _params(self, params: SamplingParams | None, options: Mapping[str, Any]) -> SamplingParams:
        if params is not None and not isinstance(params, SamplingParams):
            raise InvalidArgumentError(
                f"params is {show(params)}; expected SamplingParams, or options by name: temperature=0"
            )
        return SamplingParams.from_options(options, base=params or self._defaults)

    def _prompt_ids(self, prompt: Prompt, parse_special: bool) -> list[int]:
        if isinstance(prompt, str):
            return self.tokenize(prompt, parse_special=parse_special)
        if not isinstance(prompt, Iterable) or isinstance(prompt, (bytes, bytearray, Mapping)):
            raise InvalidArgumentError(f"prompt is {show(prompt)}; expected a text, or a list of token ids")
        return [self._token_id(index, token) for index, token in enumerate(prompt)]

    def _token_id(self, index: int, token: Any) -> int:
        try:
            value = -1 if isinstance(token, bool) else operator.index(token)  # NumPy's integers too
        except TypeError:
            value = -1
        if not 0 <= value < self.tokenizer.n_vocab:
            raise InvalidArgumentError(
                f"prompt[{index}] is {show(token)}; expected a text, or token ids from 0 to "
                f"{self.tokenizer.n_vocab - 1}"
            )
        return value

    def _submit(self, ids: list[int], params: SamplingParams) -> Stream:
        native = params.to_native()
        handle = self._core.submit(ids, native)
        return Stream(handle, engine=self, prompt=tuple(ids), seed=native["seed"], load_s=self.info["load_s"])
