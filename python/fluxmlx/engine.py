"""A loaded model that answers."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from fluxmlx.embeddings import Pooling
from fluxmlx.errors import InvalidArgumentError
from fluxmlx.facts import Stats
from fluxmlx.progress import Report
from fluxmlx.reading import ReadingMethods
from fluxmlx.requests import Conversation, Defaults, Params, Prompt, Prompts, Request, Requests, Tools
from fluxmlx.results import Completion
from fluxmlx.sampling import SamplingParams
from fluxmlx.streaming import Stream

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.text import ChatForm
    from fluxmlx.tokenizer import Tokenizer

__all__ = ["Engine"]


class Engine(ReadingMethods):
    """A loaded model. Make one with `fluxmlx.load()`; it is a context manager, or `close()` it.

    Every method may be called from any thread. Options of a request are the fields of `SamplingParams` and
    their aliases; an unknown one is an error that names the nearest.

    Attributes:
        model_name: what it was loaded by.
        tokenizer: text to token ids and back.
        info: facts about the model, its layout and the device: shapes, bytes, context lengths, seconds.
        capabilities: what this backend can do with this model.
        defaults_over: puts the sampling options that the model brings over a surface's defaults.
    """

    def __init__(
        self,
        core: _core.Engine,
        *,
        model_name: str,
        tokenizer: Tokenizer,
        form: ChatForm,
        defaults: Defaults,
        pooling: Pooling = "last",
    ) -> None:
        self._defaults = defaults(SamplingParams())
        super().__init__(core, Requests(tokenizer, self._defaults, core.check), tokenizer, form, pooling)
        self.defaults_over = defaults
        self.model_name = model_name
        # At interpreter exit the native thread must be gone before MLX is.
        self._finalizer = weakref.finalize(self, core.close)

    @overload
    def generate(self, prompt: Prompt, params: SamplingParams | None = ..., *, parse_special: bool = ...,
                 progress: bool | Report = ..., **options: Any) -> Completion: ...  # fmt: skip

    @overload
    def generate(self, prompt: Prompts, params: Params | None = ..., *, parse_special: bool = ...,
                 progress: bool | Report = ..., **options: Any) -> list[Completion]: ...  # fmt: skip

    def generate(
        self,
        prompt: Prompt | Prompts,
        params: Params | None = None,
        *,
        parse_special: bool = False,
        progress: bool | Report = False,
        **options: Any,
    ) -> Completion | list[Completion]:
        """Continues a prompt and returns the whole answer; of a list of prompts, their answers in the same order.

        Args:
            prompt: a text, token ids that are taken as they are, or a list of such prompts, however long.
            params: options as an object, or one for each prompt of a list; keyword options go over it.
            parse_special: turn control tokens that are written out in the prompt into their ids.
            progress: True draws a bar on the terminal; a function is called with ("answers", done, total).

        Raises:
            InvalidArgumentError: an option or the prompt cannot be used; longer than the context, for example. Of
                a list, all are checked before the first one runs, and the text says which it is.
            QueueFullError: too many requests wait already. A list waits instead.
            EngineError, EngineClosedError, OutOfMemoryError: the request failed; the engine goes on. The rest of a
                list is cancelled.
        """
        made = self._requests.make(prompt, params, options, parse_special=parse_special)
        return self._complete(made, progress)

    def submit(
        self,
        prompt: Prompt,
        params: SamplingParams | None = None,
        *,
        parse_special: bool = False,
        **options: Any,
    ) -> Stream:
        """Queues a request and returns at once. What it returns can be asked for its `result()`, iterated over for
        the events as they come, and cancelled; dropping it cancels it.

        Takes and raises what `generate()` does for one prompt.
        """
        return self._start(self._requests.one(prompt, params, options, parse_special=parse_special))

    def stream(
        self,
        prompt: Prompt,
        params: SamplingParams | None = None,
        *,
        parse_special: bool = False,
        **options: Any,
    ) -> Stream:
        """The same as `submit()`, under the name that reads well in a loop: `for event in engine.stream(...)`."""
        return self.submit(prompt, params, parse_special=parse_special, **options)

    @overload
    def chat(self, messages: Conversation, params: SamplingParams | None = ..., *, stream: Literal[False] = ...,
             tools: Tools | None = ..., template_options: Mapping[str, Any] | None = ...,
             progress: bool | Report = ..., **options: Any) -> Completion: ...  # fmt: skip

    @overload
    def chat(self, messages: Conversation, params: SamplingParams | None = ..., *, stream: Literal[True],
             tools: Tools | None = ..., template_options: Mapping[str, Any] | None = ...,
             **options: Any) -> Stream: ...  # fmt: skip

    @overload
    def chat(self, messages: Sequence[Conversation], params: Params | None = ..., *, stream: Literal[False] = ...,
             tools: Tools | None = ..., template_options: Mapping[str, Any] | None = ...,
             progress: bool | Report = ..., **options: Any) -> list[Completion]: ...  # fmt: skip

    def chat(
        self,
        messages: Conversation | Sequence[Conversation],
        params: Params | None = None,
        *,
        stream: bool = False,
        tools: Tools | None = None,
        template_options: Mapping[str, Any] | None = None,
        progress: bool | Report = False,
        **options: Any,
    ) -> Completion | Stream | list[Completion]:
        """Answers a conversation, laid out by the model's own chat template; or a list of them, as `generate()` does.

        Args:
            messages: dicts with "role" ("system", "user", "assistant", "tool") and "content".
            stream: return the events as they come instead of the whole answer; of one conversation.
            tools: descriptions of functions, for templates that know them.
            template_options: further variables for the template.

        Raises:
            CapabilityError: the model has no chat template.
            ChatTemplateError: the template refused the messages.
        """
        made = self._requests.make(
            messages, params, options, to_ids=lambda one: self.chat_ids(one, tools, template_options)
        )
        if not stream:
            return self._complete(made, progress)
        if not isinstance(made, Request):
            raise InvalidArgumentError(f"stream=True is for one conversation, not for {len(made)}")
        return self._start(made)

    def stats(self) -> Stats:
        """What the engine does now and has done since it was loaded, up to its last step; cheap."""
        return Stats(**self._core.stats)

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
